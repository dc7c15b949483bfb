package import Identity

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Makes directories.
package enum DirectoryTree {
    /// Makes a directory and those above it that are missing, for the owner alone.
    package static func make(_ path: String, mode: UInt32 = 0o700) throws(IdentityError) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw IdentityError(.file, "cannot make the directory \(path): \(String(cString: strerror(errno)))")
        }
        try make(String(path[..<slash]), mode: mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else {
            throw IdentityError(.file, "cannot make the directory \(path): \(String(cString: strerror(errno)))")
        }
    }

    package static func make(parentOf path: String) throws(IdentityError) {
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try make(String(path[..<slash])) }
    }
}
