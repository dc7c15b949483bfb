/// The numbers of NVIDIA's device files: `/proc/driver/nvidia/gpus/ADDRESS/information` (NVIDIA driver README, "proc
/// interface") has the board's name and its minor number. A scheduler's index is that of `/dev/nvidiaN`.
package enum GPUFiles {
    /// GPU name by the number of its device file.
    package static func identities(procfsRoot: String) -> [Int: String] {
        let directory = procfsRoot + "/driver/nvidia/gpus"
        var identities: [Int: String] = [:]
        for name in FileTree.names(in: directory) ?? [] {
            guard let text = FileTree.text(directory + "/" + name + "/information"),
                let (number, identity) = parse(information: text)
            else { continue }
            identities[number] = identity
        }
        return identities
    }

    package static func parse(information text: String) -> (number: Int, identity: String)? {
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            fields[parts[0].trimmed] = parts[1].trimmed
        }
        guard let number = fields["Device Minor"].flatMap({ DecimalNumber.parse($0) }),
            let identity = fields["GPU UUID"],
            identity.hasPrefix("GPU-")
        else { return nil }
        return (Int(number), identity)
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
