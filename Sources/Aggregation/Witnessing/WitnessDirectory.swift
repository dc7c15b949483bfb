import Identity
package import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a witness keeps on disk.
///
///     witness.key              its private key, 0600
///     lock                     held by the one process that may cosign
///     logs/<hash>.log          origin and keys of a log that it serves, one to a line
///     logs/<hash>.state        the last tree that it cosigned of it, with the checkpoint
///
/// The name is the SHA-256 of the origin. A state file is made when the log is added and replaced, durable, before each
/// answer; one that is missing later is an error, because nobody could tell any more what was cosigned.
package struct WitnessDirectory: Sendable {
    package struct Fault: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// A log with the last tree that was cosigned of it.
    package struct Known: Sendable, Hashable {
        package var log: WitnessState.Log
        package var head: TreeHead
        /// As served to monitors; nil before the first.
        package var checkpoint: [UInt8]?
    }

    package let path: String

    package init(path: String) { self.path = path }

    package var keyFile: String { "\(path)/witness.key" }
    package static func name(of origin: String) -> String { MerkleHash.sha256(of: Array(origin.utf8)).hexadecimal }
    private func logFile(_ origin: String) -> String { "\(path)/logs/\(Self.name(of: origin)).log" }
    private func stateFile(_ origin: String) -> String { "\(path)/logs/\(Self.name(of: origin)).state" }

    // MARK: Key

    /// The witness's key; a new one at the first call.
    ///
    /// - Parameters:
    ///   - name: for a new key; a schema-less URL of the witness is the convention.
    ///   - seed: 32 random bytes for a new key.
    package func key(name: String?, seed: () -> [UInt8]) throws -> CosigningKey {
        if PrivateFile.exists(keyFile) {
            let text = try PrivateFile.readSecret(keyFile).filter { $0 != UInt8(ascii: "\n") }
            let key = try CosigningKey(parsing: String(decoding: text, as: UTF8.self))
            guard name == nil || name == key.name else {
                throw Fault(
                    description: "\(path) is the witness \(key.name); leave --name out, or use another directory")
            }
            return key
        }
        guard let name else {
            throw Fault(description: "\(path) has no witness yet; give it a --name, for example witness.example/w1")
        }
        let key = try CosigningKey(name: name, seed: seed())
        try DirectoryTree.make("\(path)/logs")
        try PrivateFile.write(Array("\(key.privateText)\n".utf8), to: keyFile)
        return key
    }

    /// Keeps every other process from cosigning with this directory, until this one ends.
    package func lock() throws {
        let descriptor = open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Fault(description: "cannot open \(path)/lock: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Fault(description: "\(path) is served by another process; stop it first")
        }
    }

    // MARK: Logs

    /// Adds a log, or another key of one that is served: for the time in which a log changes its key.
    ///
    /// - Returns: whether anything is new.
    package func add(_ key: VerifierKey) throws -> Bool {
        guard key.type == .ed25519 else {
            throw Fault(description: "\(key.name) is not the key of a log, whose type is 1")
        }
        try DirectoryTree.make("\(path)/logs")
        let origin = key.name
        var keys = PrivateFile.exists(logFile(origin)) ? try readLog(logFile(origin)).keys : []
        guard !keys.contains(key) else { return false }
        if keys.isEmpty, !PrivateFile.exists(stateFile(origin)) { try write(.empty, origin, checkpoint: []) }
        keys.append(key)
        let text = "\(origin)\n" + keys.map { "\($0.text)\n" }.joined()
        try PrivateFile.write(Array(text.utf8), to: logFile(origin), mode: 0o644)
        return true
    }

    private func readLog(_ file: String) throws -> WitnessState.Log {
        let lines = String(decoding: try PrivateFile.read(file), as: UTF8.self).split(separator: "\n")
        guard let origin = lines.first, lines.count > 1 else {
            throw Fault(description: "\(file) is damaged; add the log again with 'witness add-log'")
        }
        let keys = try lines.dropFirst().map { try VerifierKey(parsing: String($0)) }
        guard keys.allSatisfy({ $0.name.utf8.elementsEqual(origin.utf8) }) else {
            throw Fault(description: "\(file): a key is not of the log \(origin); add the log again")
        }
        return WitnessState.Log(origin: String(origin), keys: keys)
    }

    /// Every log that is served, with its state.
    package func known() throws -> [Known] {
        guard let handle = opendir("\(path)/logs") else { return [] }
        defer { closedir(handle) }
        var known: [Known] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasSuffix(".log") else { continue }
            let log = try readLog("\(path)/logs/\(name)")
            known.append(try state(of: log))
        }
        return known.sorted { $0.log.origin < $1.log.origin }
    }

    /// The log with this origin, nil when it is not served.
    package func known(_ origin: String) throws -> Known? {
        let file = logFile(origin)
        return PrivateFile.exists(file) ? try state(of: readLog(file)) : nil
    }

    /// The last cosigned checkpoint of the log whose origin has this SHA-256, in hexadecimal.
    package func checkpoint(named name: String) throws -> [UInt8]? {
        guard name.utf8.count == 64, Hexadecimal.decode(name) != nil else { return nil }
        let file = "\(path)/logs/\(name).log"
        return PrivateFile.exists(file) ? try state(of: readLog(file)).checkpoint : nil
    }

    // MARK: State

    private static let version = "wattest/witness/v1"

    private func state(of log: WitnessState.Log) throws -> Known {
        let file = stateFile(log.origin)
        let bytes = try PrivateFile.read(file)
        let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 4, omittingEmptySubsequences: false)
        guard lines.count == 5, lines[0].elementsEqual(Self.version.utf8), lines[1].elementsEqual(log.origin.utf8),
            let size = CanonicalDecimal.parse(lines[2]), let root = MerkleHash(base64: lines[3])
        else { throw Fault(description: "\(file) is damaged; restore it, a witness that forgets is none") }
        let head = TreeHead(size: size, root: root)
        return Known(log: log, head: head, checkpoint: lines[4].isEmpty ? nil : Array(lines[4]))
    }

    /// Makes an update durable: it survives whatever comes once this returns.
    package func store(_ update: WitnessState.Update) throws {
        try write(update.next, update.origin, checkpoint: update.checkpoint.bytes)
    }

    private func write(_ head: TreeHead, _ origin: String, checkpoint: [UInt8]) throws(IdentityError) {
        let text = "\(Self.version)\n\(origin)\n\(head.size)\n\(head.root.base64)\n"
        try PrivateFile.write(Array(text.utf8) + checkpoint, to: stateFile(origin), mode: 0o644)
    }
}
