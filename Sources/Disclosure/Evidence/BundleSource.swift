import TransparencyLog

/// Where an audit reads a bundle from: a directory, an archive, memory.
package struct BundleSource: Sendable {
    /// Every file of the bundle, by path.
    package let paths: Set<String>
    private let read: @Sendable (String) throws(ReplayFailure) -> [UInt8]

    package init(paths: Set<String>, read: @escaping @Sendable (String) throws(ReplayFailure) -> [UInt8]) {
        self.paths = paths
        self.read = read
    }

    package init(files: [String: [UInt8]]) {
        self.init(paths: Set(files.keys)) { path throws(ReplayFailure) in
            guard let bytes = files[path] else { throw Self.missing(path) }
            return bytes
        }
    }

    package func bytes(of path: String) throws(ReplayFailure) -> [UInt8] {
        guard paths.contains(path) else { throw Self.missing(path) }
        return try read(path)
    }

    /// The bytes of a file, if they are those that the manifest lists.
    ///
    /// - Parameter isHashed: false where the content is held to the signed root itself; then the size is compared.
    func bytes(of file: BundleManifest.File, isHashed: Bool = true) throws(ReplayFailure) -> [UInt8] {
        let bytes = try bytes(of: file.path)
        guard bytes.count == file.byteCount else {
            throw ReplayFailure(
                .file, at: file.path, "its size is not the one in \(BundleManifest.path)",
                expected: "\(file.byteCount) bytes", found: "\(bytes.count)")
        }
        guard isHashed else { return bytes }
        let sha256 = MerkleHash.sha256(of: bytes)
        guard sha256 == file.sha256 else {
            throw ReplayFailure(
                .file, at: file.path, "its SHA-256 is not the one in \(BundleManifest.path)",
                expected: file.sha256.hexadecimal, found: sha256.hexadecimal)
        }
        return bytes
    }

    static func missing(_ path: String) -> ReplayFailure {
        ReplayFailure(.file, at: path, "the file is missing from the bundle")
    }
}
