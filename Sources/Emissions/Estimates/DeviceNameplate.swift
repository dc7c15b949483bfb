/// What a maker's data sheet says of an accelerator, for planning before anything can be measured (the ML CO2 Impact
/// calculator's question: hardware × hours × region).
///
/// Nameplate power is a ceiling: published runs lie at 60 to 90 % of it. An estimate made from it says so and errs
/// upwards.
package struct DeviceNameplate: Sendable, Hashable {
    package let name: String
    package let watts: DecimalFigure
    /// Peak dense rate at 16 bits, nil where the sheet gives none.
    package let flopPerSecond: DecimalFigure?
    package let source: String

    private init(_ name: String, watts: Int, teraflopPerSecond: Int?, source: String) {
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
        let found = exact.isEmpty ? all.filter { wanted.isSubset(of: words($0.name)) } : exact
        return found.max { $0.watts < $1.watts }
    }

    /// Without the maker and the family, which are left out as often as not, and without the size of the memory, which
    /// changes no power. Generations of one socket (SXM2, SXM4) are one.
    private static func words(_ name: String) -> Set<String> {
        let parts = name.lowercased().split { !$0.isLetter && !$0.isNumber }
            .map { $0.hasPrefix("sxm") ? "sxm" : String($0) }
        let passedOver: Set<String> = ["nvidia", "amd", "intel", "google", "tesla", "geforce", "instinct", "gpu", "gb"]
        // "40/80GB" has two.
        let sizes: Set<String> = ["16", "24", "32", "40", "64", "80"]
        return Set(
            parts.filter {
                !passedOver.contains($0) && !sizes.contains($0) && !($0.hasSuffix("gb") && Int($0.dropLast(2)) != nil)
            })
    }

    package static let all: [DeviceNameplate] = [
        .init("NVIDIA H200 SXM", watts: 700, teraflopPerSecond: 989, source: "NVIDIA H200 data sheet, 2024"),
        .init("NVIDIA H100 SXM", watts: 700, teraflopPerSecond: 989, source: "NVIDIA H100 data sheet, 2023"),
        .init("NVIDIA H100 PCIe", watts: 350, teraflopPerSecond: 756, source: "NVIDIA H100 data sheet, 2023"),
        .init("NVIDIA A100 SXM", watts: 400, teraflopPerSecond: 312, source: "NVIDIA A100 data sheet, 2021"),
        .init("NVIDIA A100 PCIe 80GB", watts: 300, teraflopPerSecond: 312, source: "NVIDIA A100 data sheet, 2021"),
        .init("NVIDIA A100 PCIe 40GB", watts: 250, teraflopPerSecond: 312, source: "NVIDIA A100 data sheet, 2021"),
        .init("NVIDIA V100 SXM2", watts: 300, teraflopPerSecond: 125, source: "NVIDIA V100 data sheet, 2020"),
        .init("NVIDIA V100 PCIe", watts: 250, teraflopPerSecond: 112, source: "NVIDIA V100 data sheet, 2020"),
        .init("NVIDIA V100S PCIe", watts: 250, teraflopPerSecond: 130, source: "NVIDIA V100 data sheet, 2020"),
        .init("NVIDIA P100 SXM2", watts: 300, teraflopPerSecond: 21, source: "NVIDIA P100 data sheet, 2016"),
        .init("NVIDIA P100 PCIe", watts: 250, teraflopPerSecond: 19, source: "NVIDIA P100 data sheet, 2016"),
        .init("NVIDIA P40", watts: 250, teraflopPerSecond: nil, source: "NVIDIA P40 data sheet, 2016"),
        .init("NVIDIA K80", watts: 300, teraflopPerSecond: nil, source: "NVIDIA K80 data sheet, 2015"),
        .init("NVIDIA Titan V", watts: 250, teraflopPerSecond: nil, source: "NVIDIA Titan V specification, 2017"),
        .init("NVIDIA Titan RTX", watts: 280, teraflopPerSecond: nil, source: "NVIDIA Titan RTX specification, 2018"),
        .init("NVIDIA Titan Xp", watts: 250, teraflopPerSecond: nil, source: "NVIDIA Titan Xp specification, 2017"),
        .init(
            "NVIDIA GTX 1080 Ti", watts: 250, teraflopPerSecond: nil, source: "NVIDIA GTX 1080 Ti specification, 2017"
        ),
        .init(
            "NVIDIA RTX 2080 Ti", watts: 250, teraflopPerSecond: nil, source: "NVIDIA RTX 2080 Ti specification, 2018"
        ),
        .init("NVIDIA RTX 3090", watts: 350, teraflopPerSecond: nil, source: "NVIDIA RTX 3090 specification, 2020"),
        .init("NVIDIA RTX 4090", watts: 450, teraflopPerSecond: nil, source: "NVIDIA RTX 4090 specification, 2022"),
        .init("NVIDIA RTX A6000", watts: 300, teraflopPerSecond: nil, source: "NVIDIA RTX A6000 data sheet, 2020"),
        .init("NVIDIA L40S", watts: 350, teraflopPerSecond: 362, source: "NVIDIA L40S data sheet, 2023"),
        .init("NVIDIA L4", watts: 72, teraflopPerSecond: 121, source: "NVIDIA L4 data sheet, 2023"),
        .init("NVIDIA A10", watts: 150, teraflopPerSecond: 125, source: "NVIDIA A10 data sheet, 2021"),
        .init("NVIDIA T4", watts: 70, teraflopPerSecond: 65, source: "NVIDIA T4 data sheet, 2018"),
        .init("NVIDIA B200 SXM", watts: 1000, teraflopPerSecond: nil, source: "NVIDIA B200 data sheet, 2024"),
        .init("NVIDIA L40", watts: 300, teraflopPerSecond: nil, source: "NVIDIA L40 data sheet, 2022"),
        .init("NVIDIA A40", watts: 300, teraflopPerSecond: nil, source: "NVIDIA A40 data sheet, 2021"),
        .init("NVIDIA A30", watts: 165, teraflopPerSecond: nil, source: "NVIDIA A30 data sheet, 2021"),
        .init("AMD Instinct MI210", watts: 300, teraflopPerSecond: nil, source: "AMD Instinct MI210 data sheet, 2022"),
        .init("AMD Instinct MI100", watts: 300, teraflopPerSecond: nil, source: "AMD Instinct MI100 data sheet, 2020"),
        .init(
            "AMD Instinct MI300X", watts: 750, teraflopPerSecond: 1307, source: "AMD Instinct MI300X data sheet, 2023"
        ),
        .init(
            "AMD Instinct MI250X", watts: 560, teraflopPerSecond: 383, source: "AMD Instinct MI250X data sheet, 2021"
        ),
        // Measured means of running systems, not nameplates: none is published.
        .init(
            "Google TPUv2", watts: 221, teraflopPerSecond: 46,
            source: "Patterson et al. 2021 (arXiv 2104.10350), mean measured power of a chip with its share of the host"
        ),
        .init(
            "Google TPUv3", watts: 283, teraflopPerSecond: 123,
            source: "Patterson et al. 2021 (arXiv 2104.10350), mean measured power of a chip with its share of the host"
        ),
    ]
}
