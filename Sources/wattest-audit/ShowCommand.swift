import ArgumentParser
import Disclosure
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Prints an entry, the checkpoint or any other file of a bundle as text.",
        discussion: "It verifies nothing: what it prints is what lies there.")

    @Argument(help: "Directory of a bundle, or a single file.")
    var bundle: String

    @Argument(help: "Index of an entry in the log; without one the manifest is printed.")
    var index: UInt64?

    func run() throws {
        do {
            print(try text(), terminator: "")
        } catch let failure as ReplayFailure {
            StandardError.put("wattest: error[\(failure.failureClass.rawValue.uppercased())]: \(failure)\n")
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
        let entries = try place.entries(in: source.bytes(of: place.path))
        return String(decoding: entries[Int(index - place.firstEntry)], as: UTF8.self)
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
