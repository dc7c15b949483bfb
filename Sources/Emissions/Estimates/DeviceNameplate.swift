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

    /// By name, in any case, with or without the maker.
    package static func named(_ name: String) -> DeviceNameplate? {
        let wanted = folded(name)
        return all.first { folded($0.name) == wanted || folded($0.name) == folded("nvidia \(name)") }
    }

    private static func folded(_ name: String) -> String { name.lowercased().filter { $0.isLetter || $0.isNumber } }

    package static let all: [DeviceNameplate] = [
        .init("NVIDIA H200 SXM", watts: 700, teraflopPerSecond: 989, source: "NVIDIA H200 data sheet"),
        .init("NVIDIA H100 SXM", watts: 700, teraflopPerSecond: 989, source: "NVIDIA H100 data sheet"),
        .init("NVIDIA H100 PCIe", watts: 350, teraflopPerSecond: 756, source: "NVIDIA H100 data sheet"),
        .init("NVIDIA A100 SXM", watts: 400, teraflopPerSecond: 312, source: "NVIDIA A100 data sheet"),
        .init("NVIDIA A100 PCIe 80GB", watts: 300, teraflopPerSecond: 312, source: "NVIDIA A100 data sheet"),
        .init("NVIDIA A100 PCIe 40GB", watts: 250, teraflopPerSecond: 312, source: "NVIDIA A100 data sheet"),
        .init("NVIDIA V100 SXM2", watts: 300, teraflopPerSecond: 125, source: "NVIDIA V100 data sheet"),
        .init("NVIDIA V100 PCIe", watts: 250, teraflopPerSecond: 112, source: "NVIDIA V100 data sheet"),
        .init("NVIDIA V100S PCIe", watts: 250, teraflopPerSecond: 130, source: "NVIDIA V100 data sheet"),
        .init("NVIDIA L40S", watts: 350, teraflopPerSecond: 362, source: "NVIDIA L40S data sheet"),
        .init("NVIDIA L4", watts: 72, teraflopPerSecond: 121, source: "NVIDIA L4 data sheet"),
        .init("NVIDIA A10", watts: 150, teraflopPerSecond: 125, source: "NVIDIA A10 data sheet"),
        .init("NVIDIA T4", watts: 70, teraflopPerSecond: 65, source: "NVIDIA T4 data sheet"),
        .init("AMD Instinct MI300X", watts: 750, teraflopPerSecond: 1307, source: "AMD Instinct MI300X data sheet"),
        .init("AMD Instinct MI250X", watts: 560, teraflopPerSecond: 383, source: "AMD Instinct MI250X data sheet"),
    ]
}
