#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A private directory that stands for /sys or /proc, removed with its last holder.
final class FixtureTree: Sendable {
    let root: String

    init() {
        var template = Array("/tmp/wattest-sensors-XXXXXX".utf8CString)
        root = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        chmod(root, 0o755)
    }

    deinit { FixtureTree.remove(root) }

    /// Writes files of `path: contents`; directories are made as needed.
    convenience init(_ files: [String: String]) {
        self.init()
        for (path, contents) in files { write(path, contents) }
    }

    func write(_ path: String, _ contents: String) {
        makeDirectories(path)
        guard let file = fopen(root + "/" + path, "w") else { preconditionFailure("cannot write \(path)") }
        fputs(contents, file)
        fclose(file)
    }

    /// Puts a new file in the place of the old one, as careful writers do.
    func replace(_ path: String, _ contents: String) {
        write(path + ".new", contents)
        rename(root + "/" + path + ".new", root + "/" + path)
    }

    func link(_ path: String, to target: String) {
        makeDirectories(path)
        symlink(target, root + "/" + path)
    }

    func remove(_ path: String) { FixtureTree.remove(root + "/" + path) }

    private func makeDirectories(_ path: String) {
        var directory = root
        for part in path.split(separator: "/").dropLast() {
            directory += "/" + part
            mkdir(directory, 0o755)
        }
    }

    private static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            guard let stream = opendir(path) else { return }
            var names: [String] = []
            while let entry = readdir(stream) {
                names.append(
                    withUnsafePointer(to: &entry.pointee.d_name) {
                        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                    })
            }
            closedir(stream)
            for name in names where name != "." && name != ".." { remove(path + "/" + name) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}

/// Runs `body` with the file permissions of a user who owns nothing. setfsuid(2) holds for this thread alone and takes
/// root's file capabilities away while it lasts.
func asStranger(_ body: () -> Void) {
    typealias SetFileSystemUser = @convention(c) (UInt32) -> Int32
    let setfsuid = unsafeBitCast(dlsym(nil, "setfsuid"), to: SetFileSystemUser.self)
    let before = UInt32(bitPattern: setfsuid(65534))
    defer { _ = setfsuid(before) }
    body()
}
