package import Energy
package import TransparencyLog

/// What an evidence bundle consists of: digest, size and path of every file but itself, signed by the administration
/// key.
///
/// A bundle is exactly these files. One that is missing or not listed fails, because a file that nobody answers for
/// could be read as evidence.
package struct BundleManifest: Sendable, Hashable {
    package static let path = "MANIFEST"
    package static let version = "wattest/bundle/v1"
    /// Two million files: more than a year of a thousand nodes.
    package static let maximumByteCount = 256 << 20

    package struct File: Sendable, Hashable {
        package var path: String
        package var byteCount: Int
        package var sha256: MerkleHash

        package init(path: String, byteCount: Int, sha256: MerkleHash) {
            self.path = path
            self.byteCount = byteCount
            self.sha256 = sha256
        }

        package init(path: String, bytes: [UInt8]) {
            self.init(path: path, byteCount: bytes.count, sha256: .sha256(of: bytes))
        }
    }

    package var origin: String
    package var period: UTCInterval
    package var audience: Audience
    /// The bundle carries the log prefix [0, size).
    package var size: UInt64
    /// Entries of the prefix of which only the leaf hash is given.
    package var withheldEntries: Int64
    /// By path.
    package private(set) var files: [File]

    package init(
        origin: String, period: UTCInterval, audience: Audience, size: UInt64, withheldEntries: Int64 = 0, files: [File]
    ) {
        self.origin = origin
        self.period = period
        self.audience = audience
        self.size = size
        self.withheldEntries = withheldEntries
        self.files = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    package var text: [UInt8] {
        var text = Array(
            """
            \(Self.version)
            log \(origin)
            period \(period.start.microseconds) \(period.end.microseconds)
            audience \(audience.rawValue)
            size \(size)
            withheld \(withheldEntries)

            """.utf8)
        for file in files {
            text += Array("file \(file.sha256.base64) \(file.byteCount) \(file.path)\n".utf8)
        }
        return text
    }

    package func signed(by key: SigningKey) throws(TransparencyLogError) -> [UInt8] {
        let text = text
        return try SignedNote(text: text, signatures: [key.signature(for: text[...])]).bytes
    }

    /// Letters, digits, `.`, `_`, `-` between single slashes: a path that stays inside its directory on every system.
    package static func isWellFormed(path: String) -> Bool {
        let bytes = path.utf8
        guard (1...200).contains(bytes.count), bytes.allSatisfy(isPathByte) else { return false }
        return bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .allSatisfy { part in !part.isEmpty && part.first != UInt8(ascii: ".") }
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "/"):
            true
        default: false
        }
    }
}

/// A manifest as it lies in a bundle: its syntax is checked, its signature is not, since the key stands in the
/// evidence.
package struct SignedManifest: Sendable {
    package let manifest: BundleManifest
    private let note: SignedNote

    package init(parsing bytes: [UInt8]) throws(ReplayFailure) {
        do {
            note = try SignedNote(parsing: bytes, maximumByteCount: BundleManifest.maximumByteCount)
        } catch {
            throw Self.failure("it is not a signed note: \(error.reason)")
        }
        guard note.signatures.count == 1 else { throw Self.failure("it has not exactly one signature") }
        var reader = ManifestReader(note.text)
        manifest = try reader.manifest()
        guard manifest.text[...] == note.text else {
            throw Self.failure("its text is a second spelling of what it says")
        }
    }

    package func verify(with key: VerifierKey) throws(ReplayFailure) {
        guard let signature = note.signatures.first, key.matches(signature),
            key.isValidSignature(signature, for: note.text)
        else {
            throw ReplayFailure(
                .manifest, at: BundleManifest.path,
                "it is not signed by the administration key of the log's first entry",
                expected: "\(key.name)+\(key.keyIDHexadecimal)", found: note.signatures.first?.name)
        }
    }

    static func failure(_ what: String) -> ReplayFailure { ReplayFailure(.manifest, at: BundleManifest.path, what) }
}

private struct ManifestReader {
    private var lines: [ArraySlice<UInt8>].SubSequence
    private var number = 0

    init(_ text: ArraySlice<UInt8>) {
        lines = text.dropLast().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
    }

    private func failure(_ expected: String) -> ReplayFailure {
        SignedManifest.failure("line \(number): expected \(expected)")
    }

    private mutating func line(_ keyword: String, fields count: Int) throws(ReplayFailure) -> [String] {
        number += 1
        guard let line = lines.popFirst() else { throw failure("'\(keyword) …'") }
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard fields.first == keyword, fields.count == count + 1 else { throw failure("'\(keyword) …'") }
        return Array(fields.dropFirst())
    }

    private func integer(_ text: String, _ what: String) throws(ReplayFailure) -> Int64 {
        guard let value = CanonicalDecimal.parse(text).flatMap({ Int64(exactly: $0) }) else { throw failure(what) }
        return value
    }

    mutating func manifest() throws(ReplayFailure) -> BundleManifest {
        _ = try line(BundleManifest.version, fields: 0)
        let origin = try line("log", fields: 1)[0]
        let times = try line("period", fields: 2)
        let period = UTCInterval(
            start: UTCTime(microseconds: try integer(times[0], "the start of the period")),
            end: UTCTime(microseconds: try integer(times[1], "the end of the period")))
        guard period.start < period.end, period.start.isWholeHour, period.end.isWholeHour else {
            throw failure("a period of whole UTC hours")
        }
        guard let audience = Audience(rawValue: try line("audience", fields: 1)[0]) else {
            throw failure("an audience")
        }
        let size = try integer(try line("size", fields: 1)[0], "the size of the log")
        let withheld = try integer(try line("withheld", fields: 1)[0], "the number of withheld entries")
        var files: [BundleManifest.File] = []
        while !lines.isEmpty { files.append(try file(after: files.last)) }
        return BundleManifest(
            origin: origin, period: period, audience: audience, size: UInt64(size), withheldEntries: withheld,
            files: files)
    }

    private mutating func file(after previous: BundleManifest.File?) throws(ReplayFailure) -> BundleManifest.File {
        let fields = try line("file", fields: 3)
        guard let sha256 = MerkleHash(base64: fields[0]) else { throw failure("base64 of a SHA-256") }
        let byteCount = try integer(fields[1], "a number of bytes")
        guard BundleManifest.isWellFormed(path: fields[2]), fields[2] != BundleManifest.path else {
            throw failure("a path inside the bundle")
        }
        if let previous, !previous.path.utf8.lexicographicallyPrecedes(fields[2].utf8) {
            throw failure("files in the order of their paths, each once")
        }
        return BundleManifest.File(path: fields[2], byteCount: Int(byteCount), sha256: sha256)
    }
}
