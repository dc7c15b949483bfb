import TransparencyLog

/// Where an audit reads a bundle from: a directory, an archive, memory.
package struct BundleSource: Sendable {
    /// Every file of the bundle, by path.
    package let paths: Set<String>
    private let read: @Sendable (String) throws(ReplayFailure) -> [UInt8]
    private let size: (@Sendable (String) -> Int?)?

    /// - Parameter size: bytes of a file before it is read, so that one of another size than it may have is refused
    ///   without taking the memory; nil where everything is in memory anyway.
    package init(
        paths: Set<String>, size: (@Sendable (String) -> Int?)? = nil,
        read: @escaping @Sendable (String) throws(ReplayFailure) -> [UInt8]
    ) {
        self.paths = paths
        self.size = size
        self.read = read
    }

    package init(files: [String: [UInt8]]) {
        self.init(paths: Set(files.keys)) { path throws(ReplayFailure) in
            guard let bytes = files[path] else { throw Self.missing(path) }
            return bytes
        }
    }

    /// - Parameter limit: the most bytes that a file of this kind has. The manifest fixes the sizes of most; until it
    ///   is verified, and for itself, this stands.
    package func bytes(of path: String, limit: Int = .max) throws(ReplayFailure) -> [UInt8] {
        guard paths.contains(path) else { throw Self.missing(path) }
        if let byteCount = size?(path), byteCount > limit {
            throw ReplayFailure(
                .file, at: path, "a file of \(byteCount) bytes is larger than any that belongs there",
                expected: "at most \(limit)")
        }
        return try read(path)
    }

    /// The bytes of a file, if they are those that the manifest lists.
    ///
    /// - Parameter isHashed: false where the content is held to the signed root itself; then the size is compared.
    func bytes(of file: BundleManifest.File, isHashed: Bool = true) throws(ReplayFailure) -> [UInt8] {
        if let byteCount = size?(file.path) { try check(byteCount, file) }
        let bytes = try bytes(of: file.path)
        try check(bytes.count, file)
        guard isHashed else { return bytes }
        let sha256 = MerkleHash.sha256(of: bytes)
        guard sha256 == file.sha256 else {
            throw ReplayFailure(
                .file, at: file.path, "its SHA-256 is not the one in \(BundleManifest.path)",
                expected: file.sha256.hexadecimal, found: sha256.hexadecimal)
        }
        return bytes
    }

    private func check(_ byteCount: Int, _ file: BundleManifest.File) throws(ReplayFailure) {
        guard byteCount == file.byteCount else {
            throw ReplayFailure(
                .file, at: file.path, "its size is not the one in \(BundleManifest.path)",
                expected: "\(file.byteCount) bytes", found: "\(byteCount)")
        }
    }

    static func missing(_ path: String) -> ReplayFailure {
        ReplayFailure(.file, at: path, "the file is missing from the bundle")
    }
}
