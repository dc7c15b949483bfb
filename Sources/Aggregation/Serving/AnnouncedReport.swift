import Batches
import Disclosure
import JSONText
import Store
import TransparencyLog

extension StoredReport {
    /// Whether the note is an entry of the administration that announces this very report, with all that stands around
    /// its body. What a report says of its effect alone is not in the entry.
    func isAnnounced(by note: [UInt8], of administration: VerifierKey) -> Bool {
        guard let signed = try? SignedNote(parsing: note), let signature = signed.signatures.first,
            administration.matches(signature), administration.isValidSignature(signature, for: signed.text),
            let entry = try? ReportEntry(text: Array(signed.text)), entry.number == Int64(number),
            let parts = IssuedText(body), MerkleHash.sha256(of: parts.disclosure).bytes == entry.sha256,
            let frame = try? JSONValue(parsing: parts.frame), let members = frame.object?.members
        else { return false }
        let announced: [String: JSONValue] = [
            "number": .integer(entry.number), "issued_at": .string(TimeText.rfc3339(entry.time)),
            "supersedes": entry.supersedes.map { .integer($0) } ?? .null,
            "reason": entry.reason.map { .string($0) } ?? .null, "effect": frame["effect"] ?? .null,
            "index": .decimalString(index), "disclosure": .null,
            "signatures": .array([.string(String(decoding: note, as: UTF8.self))]),
        ]
        // Each name once, in its one spelling: another one behind it would be read instead.
        return members.count == announced.count && members.allSatisfy { announced[$0.name] == $0.value }
            && Set(members.map(\.name)).count == members.count && frame.rendered(.pretty) == parts.frame
    }
}

/// An issued document, taken apart by its lines: as a tree a large report takes many times its memory.
struct IssuedText {
    /// The document with null in the place of the disclosure.
    private(set) var frame: [UInt8] = []
    /// As it was before it was put into the document.
    private(set) var disclosure: [UInt8] = []

    private static let opening = Array("  \"disclosure\": {".utf8)
    private static let indentation = Array("  ".utf8)
    private static let closings = [Array("  }".utf8), Array("  },".utf8)]

    /// nil for what is not rendered as an issued document is.
    init?(_ body: [UInt8]) {
        let newline = UInt8(ascii: "\n")
        var isInside = false
        var start = 0
        disclosure.reserveCapacity(body.count)
        while start < body.count {
            guard let end = body[start...].firstIndex(of: newline) else { return nil }
            let line = body[start..<end]
            start = end + 1
            if isInside, Self.closings.contains(where: { line.elementsEqual($0) }) {
                isInside = false
                disclosure += Array("}\n".utf8)
                frame += Array("  \"disclosure\": null".utf8)
                frame += line.dropFirst(3)
                frame.append(newline)
            } else if isInside {
                guard line.starts(with: Self.indentation) else { return nil }
                disclosure += line.dropFirst(2)
                disclosure.append(newline)
            } else if disclosure.isEmpty, line.elementsEqual(Self.opening) {
                isInside = true
                disclosure += Array("{\n".utf8)
            } else {
                frame += line
                frame.append(newline)
            }
        }
        guard !isInside, !disclosure.isEmpty else { return nil }
    }
}
