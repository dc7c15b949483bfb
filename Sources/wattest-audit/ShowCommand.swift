import ArgumentParser
import Disclosure
import JSONText
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Prints an entry, the checkpoint or any other file of a bundle as text.",
        discussion: """
            It verifies nothing: what it prints is what lies there. On a terminal, characters that it would obey are \
            shown as U+FFFD.
            """)

    @Argument(help: "Directory of a bundle, or a single file.")
    var bundle: String

    @Argument(help: "Index of an entry in the log; without one the manifest is printed.")
    var index: UInt64?

    func run() throws {
        do {
            let text = try text()
            print(isatty(STDOUT_FILENO) == 1 ? PlainText.lines(text) : text, terminator: "")
        } catch let failure as ReplayFailure {
            StandardError.put(failure)
            throw ExitCode(1)
        }
    }

    private func text() throws -> String {
        var status = stat()
        guard stat(bundle, &status) == 0 else { throw PlainFile.failure(bundle, "there is no such file") }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            return try String(decoding: single(PlainFile.bytes(bundle, place: bundle)), as: UTF8.self)
        }
        let source = try BundleDirectory.source(at: bundle)
        guard let index else { return String(decoding: try source.bytes(of: BundleManifest.path), as: UTF8.self) }
        let manifest = try SignedManifest(parsing: source.bytes(of: BundleManifest.path)).manifest
        guard let place = EntryBundle(holding: index, inTreeOf: manifest.size) else {
            throw ReplayFailure(.range, at: "entry \(index)", "the log has \(manifest.size) entries")
        }
        return String(decoding: try Self.entry(index, of: place, in: source), as: UTF8.self)
    }

    private static func entry(
        _ index: UInt64, of place: EntryBundle, in source: BundleSource
    ) throws -> ArraySlice<UInt8> {
        let offset = Int(index - place.firstEntry)
        if source.paths.contains(place.path) {
            return try place.entries(in: source.bytes(of: place.path))[offset]
        }
        let path = BundlePath.disclosed(place).path
        guard source.paths.contains(path) else {
            throw ReplayFailure(.range, at: "entry \(index)", "it is withheld, under a root over many")
        }
        let leaves = try source.bytes(of: BundlePath.withheld(place).path)
        switch PartialBundle.decode(try source.bytes(of: path), leaves: leaves, width: place.width)?[offset] {
        case .entry(let bytes): return bytes
        case .withheld(let leaf):
            throw ReplayFailure(.range, at: "entry \(index)", "it is withheld, its leaf hash is \(leaf)")
        case nil: throw ReplayFailure(.file, at: path, "it does not hold \(place.width) places")
        }
    }

    /// A file of entries shows the one at the place `index` in it, any other file shows itself.
    private func single(_ bytes: [UInt8]) throws -> [UInt8] {
        guard let index else { return bytes }
        var position = 0
        var number: UInt64 = 0
        while position + 2 <= bytes.count {
            let end = position + 2 + Int(bytes[position]) << 8 + Int(bytes[position + 1])
            guard end <= bytes.count else { break }
            if number == index { return Array(bytes[(position + 2)..<end]) }
            position = end
            number += 1
        }
        throw ReplayFailure(.range, at: bundle, "the file has \(number) entries, none at \(index)")
    }
}
