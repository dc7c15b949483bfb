import ArgumentParser
import JSONText

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension EvidenceCommand {
    /// Which entries are to be proved.
    struct FactOptions: ParsableArguments {
        @Option(help: ArgumentHelp("Everything about this job.", valueName: "key"))
        var job: String?

        @Option(help: ArgumentHelp("The entry at this place of the log.", valueName: "number"))
        var index: UInt64?

        @Option(
            name: [.customShort("o"), .long],
            help: ArgumentHelp(
                "Where it goes: a file for one entry, a new directory with a file for each of several.",
                valueName: "file"))
        var output: String

        func validate() throws {
            guard (job == nil) != (index == nil) else {
                throw ValidationError("--job or --index is missing, or both are given: name one of them")
            }
        }

        var query: [(String, String?)] { [("job", job), ("index", index.map { "\($0)" })] }
    }

    struct Proof: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Proves single facts to somebody who gets nothing else: C2SP tlog-proof files.",
            discussion: """
                Each file carries an entry, its inclusion proof and a signed checkpoint. With --job also the entries \
                that enrolled the signers and named the log's keys. Check them with: wattest-audit proof PATH \
                --policy FILE
                """)
        @OptionGroup var options: ServerOptions
        @OptionGroup var facts: FactOptions

        func run() async throws { try await Facts(options: options, facts: facts, form: "tlog-proof").fetch() }
    }

    struct Receipt: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The same as COSE receipts (RFC 9942), for SCITT tools.",
            discussion: "Each receipt NAME.cose comes with its entry, NAME.note.")
        @OptionGroup var options: ServerOptions
        @OptionGroup var facts: FactOptions

        func run() async throws { try await Facts(options: options, facts: facts, form: "cose").fetch() }
    }

    /// Fetches proofs into a directory, and lets a single one be a file.
    struct Facts {
        var options: ServerOptions
        var facts: FactOptions
        var form: String

        func fetch() async throws {
            let client = try options.client()
            let organization = try await options.organization(client)
            let files = form == "cose" && facts.index != nil ? [facts.output, notePath] : [facts.output]
            if let file = files.first(where: { access($0, F_OK) == 0 }) {
                throw CommandFailure.file("the file exists", file, "choose a new one")
            }
            let counts = try await EvidenceDirectory.write(
                to: facts.output, from: client, AggregatorClient.path(organization, "proofs"),
                facts.query + [("form", form)])
            if let index = facts.index { try flatten(index) }
            if options.json {
                return Output.json([
                    "path": .string(facts.output), "files": .integer(counts.files), "bytes": .integer(counts.bytes),
                ])
            }
            Output.text("\(counts.files) files, \(counts.bytes) bytes: \(facts.output)\n")
        }

        /// Where the entry of the receipt in a file lies: NAME.note beside NAME.cose, else beside PATH as PATH.note,
        /// which is where `wattest-audit proof` looks for it.
        private var notePath: String {
            let (path, suffix) = (facts.output, ".cose")
            return "\(path.hasSuffix(suffix) ? String(path.dropLast(suffix.count)) : path).note"
        }

        /// One entry: PATH is the proof itself.
        private func flatten(_ index: UInt64) throws(CommandFailure) {
            let (directory, path) = ("\(facts.output).partial-\(getpid())", facts.output)
            guard rename(path, directory) == 0 else { throw OutputFile.failure(path) }
            let moves =
                form == "cose"
                ? [("\(index).cose", path), ("\(index).note", notePath)]
                : [("\(index).tlog-proof", path)]
            for (name, target) in moves {
                guard rename("\(directory)/\(name)", target) == 0 else { throw OutputFile.failure(target) }
            }
            rmdir(directory)
        }
    }
}
