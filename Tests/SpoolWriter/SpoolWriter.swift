import Batches
import NodeAgent
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Writes and deletes spool entries until it is killed, and says what it has done: the child of the spool's crash test.
///
/// `W n` stands on its output when entry n is durable, `D n` before it begins to delete entry n.
@main
enum SpoolWriter {
    static func main() throws {
        let spool = try Spool(path: CommandLine.arguments[1])
        let key = try SigningKey(name: "n", seed: Array(repeating: 3, count: 32))
        for sequence in 0..<Int64(1_000_000) {
            let entry = try entry(sequence, key)
            try spool.write(entry, resumePoint: [UInt8(ascii: "{")])
            say("W \(sequence)\n")
            guard sequence % 3 == 2 else { continue }
            let old = sequence / 3
            say("D \(old)\n")
            try spool.delete(Self.entry(old, key).leaf)
        }
    }

    private static func entry(_ sequence: Int64, _ key: SigningKey) throws -> SignedEntry {
        let note = try key.sign(Array("batch 4 \(sequence)\n".utf8))
        return SignedEntry(
            position: ChainPosition(incarnation: 4, sequence: sequence), note: note.bytes,
            samples: Array(repeating: 7, count: 10))
    }

    private static func say(_ text: String) {
        let bytes = Array(text.utf8)
        guard write(1, bytes, bytes.count) == bytes.count else { exit(1) }
    }
}
