import ArgumentParser
import Disclosure
import JSONText

/// `wattest report methods`
struct ReportMethods: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "methods", abstract: "Lists the methods that reports are made by, and what each changed.",
        discussion: "'wattest report --method 1' makes a report by an old one.")

    @OptionGroup var options: ServerOptions

    func run() {
        let methods = CalculationMethod.allCases
        if options.json { return Output.json(["items": .array(methods.map(\.json)), "next": .null]) }
        for method in methods {
            let standing = method == .newest ? ", the newest" : ""
            Output.text("method \(method.version), since \(method.since)\(standing)\n")
            for change in method.changes {
                Output.text(
                    "  \(change.figures.joined(separator: ", ")): \(change.text) (\(change.source))\n")
            }
        }
    }
}
