import CNVML
import Energy

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A small file that is opened once and read again and again by position, without allocating.
struct HeldFile: Sendable {
    let path: String
    private var descriptor: Descriptor?
    private var wasGone = false
    private var isNewDevice = false

    init(path: String) { self.path = path }

    /// Whether the file went away and came back since this was last asked: it is then another device with another
    /// counter. A file that a careful writer replaced by renaming never went away.
    mutating func takeNewDevice() -> Bool {
        defer { isNewDevice = false }
        return isNewDevice
    }

    /// Files of counters are a line; longer contents are cut.
    static let capacity = 512

    /// Reads the file from its beginning and gives the bytes to `parse`; nil from it means that they are malformed.
    mutating func read<Value>(_ parse: (UnsafeRawBufferPointer) -> Value?) -> Result<Value, ReadFailure> {
        // One attempt more after the file was replaced or its device came back.
        for _ in 0..<2 {
            guard let descriptor = opened() else {
                let failure = ReadFailure(code: errno)
                wasGone = wasGone || failure.reason == .gone
                return .failure(failure)
            }
            if !descriptor.isKernelFile, descriptor.isReplaced {
                self.descriptor = nil
                continue
            }
            let result: Result<Value, ReadFailure>? = withUnsafeTemporaryAllocation(
                byteCount: Self.capacity, alignment: 1
            ) { buffer in
                let count = pread(descriptor.number, buffer.baseAddress, buffer.count, 0)
                if count < 0 { return errno == ENODEV || errno == ESTALE ? nil : .failure(ReadFailure(code: errno)) }
                guard let value = parse(UnsafeRawBufferPointer(rebasing: buffer[..<count])) else {
                    return .failure(ReadFailure(reason: .malformed))
                }
                return .success(value)
            }
            if let result { return result }
            self.descriptor = nil
            wasGone = true
        }
        return .failure(ReadFailure(reason: .gone))
    }

    private mutating func opened() -> Descriptor? {
        if let descriptor { return descriptor }
        guard let fresh = Descriptor(path: path) else { return nil }
        descriptor = fresh
        isNewDevice = isNewDevice || wasGone
        wasGone = false
        return fresh
    }
}

/// Why a read failed, from the error number.
struct ReadFailure: Error, Sendable, Hashable {
    var reason: UnreadableReason

    init(reason: UnreadableReason) { self.reason = reason }

    init(code: Int32) {
        reason =
            switch code {
            case EACCES, EPERM: .denied
            case ENOENT, ENOTDIR, ENODEV, ENXIO, ESTALE, EBADF: .gone
            case ETIMEDOUT, EAGAIN, ETIME: .timedOut
            case EOPNOTSUPP, ENOSYS, ENOTTY: .unsupported
            default: .failed
            }
    }
}

/// An open descriptor, closed with its last holder.
final class Descriptor: Sendable {
    let number: Int32
    /// sysfs and procfs files cannot be replaced by renaming, so that they need no check.
    let isKernelFile: Bool

    /// Non-blocking, so that a FIFO put into the tree cannot hang the agent.
    init?(path: String, flags: Int32 = O_RDONLY | O_NONBLOCK) {
        let number = open(path, flags | O_CLOEXEC)
        guard number >= 0 else { return nil }
        self.number = number
        isKernelFile = wattest_is_kernel_file(number) != 0
    }

    /// Takes over a descriptor.
    init(number: Int32) {
        self.number = number
        isKernelFile = true
    }

    deinit { close(number) }

    /// Writers that rename a new file over the old one leave us with one that has no name any more.
    var isReplaced: Bool {
        var status = stat()
        return fstat(number, &status) == 0 && status.st_nlink == 0
    }
}

/// Reading of trees during discovery.
enum FileTree {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The names in a directory, nil when it cannot be listed.
    static func names(in directory: String) -> [String]? { try? listing(of: directory).get() }

    /// More names than any directory of the kernel has: what lies behind them is not looked at.
    static let maximumNames = 16_384

    /// The names in a directory without `.` and `..`, in the order of their numbers and letters.
    static func listing(of directory: String) -> Result<[String], ReadFailure> {
        guard let stream = opendir(directory) else { return .failure(ReadFailure(code: errno)) }
        defer { closedir(stream) }
        var names: [String] = []
        while names.count < maximumNames, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        let keyed = names.map { (name: $0, key: numbered($0)) }
        return .success(keyed.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.name))
    }

    /// A name as a sequence in which digits compare as one number: `hwmon10` comes after `hwmon9`.
    private static func numbered(_ name: String) -> [Int] {
        var parts: [Int] = []
        var number: Int?
        for byte in name.utf8 {
            if (48...57).contains(byte) {
                number = min((number ?? 0) * 10 + Int(byte - 48), 1 << 40)
            } else {
                if let known = number { parts.append(known) }
                number = nil
                parts.append(Int(byte) - 1000)
            }
        }
        if let number { parts.append(number) }
        return parts
    }

    static func contents(of path: String, limit: Int = 65536) -> Result<[UInt8], ReadFailure> {
        guard let descriptor = Descriptor(path: path) else { return .failure(ReadFailure(code: errno)) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < limit {
            let count = read(descriptor.number, &buffer, buffer.count)
            if count < 0 { return .failure(ReadFailure(code: errno)) }
            if count == 0 { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return .success(bytes)
    }

    /// One trimmed line of text, nil when it cannot be read or is empty.
    static func text(_ path: String) -> String? { try? line(of: path).get() }

    /// One trimmed line of text; an empty one, one that is too long for a name, and one that is no UTF-8 are malformed.
    static func line(of path: String) -> Result<String, ReadFailure> {
        contents(of: path, limit: 4096).flatMap { bytes in
            let line = bytes.prefix { $0 != 10 }.trimmed()
            guard !line.isEmpty, bytes.count < 4096, let text = String(validating: line, as: UTF8.self) else {
                return .failure(ReadFailure(reason: .malformed))
            }
            return .success(text)
        }
    }

    static func number(_ path: String) -> UInt64? {
        guard case .success(let bytes) = contents(of: path) else { return nil }
        return DecimalText.unsigned(bytes.trimmed())
    }

    /// The last part of the path that a symbolic link points to.
    static func linkName(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes {
            readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count], as: UTF8.self).split(separator: "/").last.map(String.init)
    }
}

/// A name as part of a sensor's identity: bytes outside `[A-Za-z0-9.:-]` become `_` and two hexadecimal digits, so that
/// two names never become one.
func identity(_ prefix: String, _ name: some StringProtocol) -> String {
    var text = prefix
    for byte in name.utf8.prefix(96) {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-"):
            text.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let digits = String(byte, radix: 16)
            text += digits.count == 1 ? "_0" + digits : "_" + digits
        }
    }
    return String(text.prefix(128))
}
