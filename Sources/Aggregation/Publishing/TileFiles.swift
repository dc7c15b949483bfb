import Identity
package import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The tiles of one log as files below its directory.
///
/// A full tile takes the place of the partial ones before it: they are its first hashes, and without their removal a
/// log that is published often would hold more of them than of everything else.
package struct TileFiles: Sendable {
    private let directory: String

    /// - Parameter directory: the log's; the tiles lie in `tile` below it.
    package init(directory: String) { self.directory = directory }

    /// The tile, or the first hashes of the full one that has taken its place.
    ///
    /// - Throws: `bad_tile` where neither can be read.
    package func read(_ tile: Tile) throws(TransparencyLogError) -> [UInt8] {
        do throws(IdentityError) {
            return try PrivateFile.read(path(tile))
        } catch {
            guard tile.isPartial, let full = try? Tile(level: tile.level, index: tile.index),
                let bytes = try? PrivateFile.read(path(full)), bytes.count == full.byteCount
            else { throw TransparencyLogError(.badTile, "\(error)") }
            return Array(bytes[..<tile.byteCount])
        }
    }

    /// Makes a tile durable.
    func write(_ content: TileBuilder.Content) throws(IdentityError) {
        try DirectoryTree.make(parentOf: path(content.tile))
        try PrivateFile.write(content.bytes, to: path(content.tile), mode: 0o644)
    }

    enum State {
        case there
        case missing
        /// There, with other bytes.
        case other(path: String)
    }

    func state(of content: TileBuilder.Content) throws(IdentityError) -> State {
        let path = path(content.tile)
        guard access(path, F_OK) == 0 else { return .missing }
        return try PrivateFile.read(path) == content.bytes ? .there : .other(path: path)
    }

    func hasPartials(of full: Tile) -> Bool { !full.isPartial && access(path(full) + ".p", F_OK) == 0 }

    /// Removes the partial tiles that a full one has replaced. What cannot be removed does no harm.
    func removePartials(of full: Tile) {
        let place = path(full) + ".p"
        guard !full.isPartial, let stream = opendir(place) else { return }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { unlink("\(place)/\(name)") }
        }
        closedir(stream)
        rmdir(place)
    }

    private func path(_ tile: Tile) -> String { "\(directory)/\(tile.path)" }
}
