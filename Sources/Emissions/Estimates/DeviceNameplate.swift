/// What a maker's data sheet says of an accelerator, for planning before anything can be measured (the ML CO2 Impact
/// calculator's question: hardware × hours × region).
///
/// Nameplate power is a ceiling: published runs lie at 60 to 90 % of it. An estimate made from it says so and errs
/// upwards. Every figure was looked up in a public listing, which `Factors.md` names; one that could not be found is
/// not here, and `--power-w` takes its place.
package struct DeviceNameplate: Sendable, Hashable {
    package let name: String
    package let watts: DecimalFigure
    /// Peak dense rate at 16 bits, nil where the sheet gives none.
    package let flopPerSecond: DecimalFigure?
    package let source: String

    private init(_ name: String, watts: Int, teraflopPerSecond: Int? = nil, source: String) {
        self.name = name
        self.watts = DecimalFigure(watts)
        flopPerSecond = teraflopPerSecond.map { DecimalFigure(coefficient: Int128($0) * 1_000_000_000_000, scale: 0) }
        self.source = source
    }

    /// By name, in any case and with as many of its words as suffice: `A100 SXM`, `Tesla V100-SXM2-32GB`. Of several
    /// forms the one with the highest power, since a plan errs upwards.
    package static func named(_ name: String) -> DeviceNameplate? {
        let wanted = words(name)
        guard !wanted.isEmpty else { return nil }
        let exact = all.filter { words($0.name) == wanted }
        let partly = all.filter { wanted.isSubset(of: words($0.name)) || joined($0.name) == joined(name) }
        let found = exact.isEmpty ? partly : exact
        // The two A100 for PCIe differ by their memory alone.
        let sized = found.filter { sizes($0.name).isEmpty || !sizes($0.name).isDisjoint(with: sizes(name)) }
        return (sized.isEmpty ? found : sized).max { $0.watts < $1.watts }
    }

    /// `RTX3090` and `V100SXM2` as they are written without joints.
    private static func joined(_ name: String) -> String {
        wordsInOrder(name.lowercased().replacing("sxm", with: " sxm").replacing("pcie", with: " pcie")).joined()
    }

    /// What stands before `GB`.
    private static func sizes(_ name: String) -> Set<String> {
        Set(
            name.lowercased().split { !$0.isLetter && !$0.isNumber }.filter { $0.hasSuffix("gb") }
                .map { String($0.dropLast(2)) })
    }

    /// Without the maker and the family, which are left out as often as not, and without size and kind of the memory.
    /// Generations of one socket (SXM2, SXM4) are one.
    private static func words(_ name: String) -> Set<String> { Set(wordsInOrder(name)) }

    private static func wordsInOrder(_ name: String) -> [String] {
        let parts = name.lowercased().replacing("tpu v", with: "tpuv").split { !$0.isLetter && !$0.isNumber }
            .map { $0.hasPrefix("sxm") ? "sxm" : String($0) }
        let passedOver: Set<String> = ["nvidia", "amd", "intel", "google", "tesla", "geforce", "instinct", "gpu", "gb"]
        // "40/80GB" has two.
        let sizes: Set<String> = ["16", "24", "32", "40", "64", "80"]
        return parts.filter {
            !passedOver.contains($0) && !sizes.contains($0) && !$0.hasPrefix("hbm")
                && !($0.hasSuffix("gb") && Int($0.dropLast(2)) != nil)
        }
    }

    package static let all: [DeviceNameplate] = [
        .init("NVIDIA H200 SXM", watts: 700, teraflopPerSecond: 989, source: hopper("H200")),
        .init("NVIDIA H100 SXM", watts: 700, teraflopPerSecond: 989, source: hopper("H100")),
        .init("NVIDIA H100 NVL", watts: 400, source: "NVIDIA H100 data sheet, 350 to 400 W as configured"),
        .init("NVIDIA H100 PCIe", watts: 350, teraflopPerSecond: 756, source: hopper("H100")),
        .init("NVIDIA A100 SXM", watts: 400, teraflopPerSecond: 312, source: a100),
        .init("NVIDIA A100 PCIe 80GB", watts: 300, teraflopPerSecond: 312, source: a100),
        .init("NVIDIA A100 PCIe 40GB", watts: 250, teraflopPerSecond: 312, source: a100),
        .init("NVIDIA V100 SXM2", watts: 300, teraflopPerSecond: 125, source: v100),
        .init("NVIDIA V100 PCIe", watts: 250, teraflopPerSecond: 112, source: v100),
        .init("NVIDIA V100S PCIe", watts: 250, teraflopPerSecond: 130, source: v100),
        .init("NVIDIA P100 SXM2", watts: 300, teraflopPerSecond: 21, source: "NVIDIA Tesla P100 data sheet"),
        .init("NVIDIA P100 PCIe", watts: 250, teraflopPerSecond: 19, source: calculator),
        .init("NVIDIA P40", watts: 250, source: calculator),
        .init("NVIDIA K80", watts: 300, source: calculator),
        .init("NVIDIA Titan V", watts: 250, source: calculator),
        .init("NVIDIA Titan RTX", watts: 280, source: calculator),
        .init("NVIDIA Titan Xp", watts: 250, source: calculator),
        .init("NVIDIA GTX 1080 Ti", watts: 250, source: calculator),
        .init("NVIDIA RTX 2080 Ti", watts: 250, source: calculator),
        .init("NVIDIA RTX 3090", watts: 350, source: calculator),
        .init("NVIDIA RTX A6000", watts: 300, source: calculator),
        .init("NVIDIA RTX 4090", watts: 450, source: "power limit that its driver reports"),
        .init("NVIDIA L40S", watts: 350, teraflopPerSecond: 362, source: "NVIDIA L40S data sheet"),
        .init("NVIDIA L40", watts: 300, teraflopPerSecond: 181, source: "NVIDIA L40 data sheet"),
        .init("NVIDIA L4", watts: 72, teraflopPerSecond: 121, source: "NVIDIA L4 data sheet"),
        .init("NVIDIA A10", watts: 150, teraflopPerSecond: 125, source: "NVIDIA A10 data sheet"),
        .init("NVIDIA A10G", watts: 300, source: "power limit that its driver reports"),
        .init("NVIDIA A30", watts: 165, source: "NVIDIA A30 data sheet"),
        .init("NVIDIA A40", watts: 300, source: "NVIDIA A40 data sheet"),
        .init("NVIDIA T4", watts: 70, teraflopPerSecond: 65, source: "NVIDIA T4 data sheet (951643)"),
        .init("NVIDIA B200 SXM", watts: 1000, source: "NVIDIA B200 specification, SXM6"),
        .init(
            "NVIDIA GB200", watts: 1200, teraflopPerSecond: 2500,
            source: "NVIDIA Blackwell architecture brief: one GPU of the superchip, its share of the processor apart"),
        .init("AMD Instinct MI100", watts: 300, source: "AMD Instinct MI100 specification"),
        .init(
            "AMD Instinct MI250X", watts: 560, teraflopPerSecond: 383, source: "AMD Instinct MI250X specification"
        ),
        .init(
            "AMD Instinct MI300X", watts: 750, teraflopPerSecond: 1307, source: "AMD Instinct MI300X specification"
        ),
        // Measured means of running systems, not nameplates: none is published.
        .init("Google TPUv2", watts: 221, teraflopPerSecond: 46, source: patterson),
        .init("Google TPUv3", watts: 283, teraflopPerSecond: 123, source: patterson),
    ]

    /// Whether the power is a mean of running systems and no ceiling.
    package var isMeasured: Bool { source == Self.patterson }

    private static func hopper(_ name: String) -> String {
        "NVIDIA \(name) data sheet, half of the rate that it gives with sparsity"
    }
    private static let a100 = "NVIDIA A100 data sheet (1758950-r4)"
    private static let v100 = "NVIDIA V100 data sheet (1165301-r5)"
    private static let calculator = "ML CO2 Impact, data/gpus.csv, which cites the makers and techpowerup.com"
    private static let patterson =
        "Patterson et al. 2021 (arXiv 2104.10350), mean measured power of a chip with its share of the host"
}
