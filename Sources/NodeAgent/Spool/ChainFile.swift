import JSONText
import TransparencyLog

/// The incarnation in which the node's chain goes on, beside the spool: written when a resume entry has its index,
/// before the first batch behind it is signed.
struct ChainFile: Sendable, Hashable {
    var incarnation: Int64
    var openingLeaf: MerkleHash

    static let name = "chain"

    static func read(from directory: String) throws(SpoolError) -> ChainFile? {
        guard let bytes = try DurableFile.read(directory + "/" + name, maximumBytes: 4096) else { return nil }
        guard let json = try? JSONValue(parsing: bytes), let incarnation = json["incarnation"]?.decimalString,
            let leaf = json["leaf"]?.string.flatMap({ MerkleHash(base64: $0) })
        else { throw SpoolError("\(directory)/\(name) is damaged; delete it, and the agent opens a new chain") }
        return ChainFile(incarnation: incarnation, openingLeaf: leaf)
    }

    func write(to directory: String) throws(SpoolError) {
        let json: JSONValue = [
            "incarnation": .decimalString(incarnation), "leaf": .string(openingLeaf.base64),
        ]
        try DurableFile.replace(directory + "/" + Self.name, with: json.rendered())
        try DurableFile.syncDirectory(directory)
    }
}
