package import Batches
import Energy
import Sensors

/// A line that a job says over the agent's socket; the grammar is in proto/agent-socket.md.
package enum SocketLine: Sendable, Hashable {
    case begin(ClaimRequest)
    /// Figures of the job's own: step, loss and the like, in millionths.
    case progress([String: Int64])
    case end

    package static let maximumBytes = 8192

    /// - Parameter site: cluster of a job that is named without one.
    package init(parsing line: [UInt8], site: String) throws(SocketFault) {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map { Array($0) }
        switch words.first.map({ String(decoding: $0, as: UTF8.self) }) {
        case "begin":
            guard words.count > 1, !words[1].isEmpty else { throw SocketFault("begin needs the key of a job") }
            self = .begin(try ClaimRequest(key: words[1], options: words[2...], site: site))
        case "progress":
            var figures: [String: Int64] = [:]
            for word in words[1...] {
                let (name, value) = try Self.pair(word)
                guard SensorDescription.isWellFormed(name, maximumBytes: 32), figures.count < 16,
                    let figure = DecimalText.scaled(value.utf8, by: 6)
                else { throw SocketFault("progress takes at most 16 words NAME=NUMBER") }
                figures[name] = figure
            }
            self = .progress(figures)
        case "end":
            guard words.count == 1 else { throw SocketFault("end takes nothing") }
            self = .end
        default: throw SocketFault("the words known here are begin, progress and end")
        }
    }

    static func pair(_ word: [UInt8]) throws(SocketFault) -> (String, String) {
        guard let equals = word.firstIndex(of: UInt8(ascii: "=")),
            let name = String(validating: word[..<equals], as: UTF8.self),
            let value = PercentEncoding.decode(word[(equals + 1)...])
        else {
            throw SocketFault(
                "`\(String(decoding: word.prefix(40), as: UTF8.self))` is not NAME=VALUE, percent-encoded")
        }
        return (name, value)
    }
}

/// Why a line over the socket is refused.
package struct SocketFault: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// What a process says of the job that it claims to be.
package struct ClaimRequest: Sendable, Hashable {
    package var key: JobKey
    package var mode: AllocationMode = .shared
    /// Identities of accelerators.
    package var devices: [String] = []
    package var reservedMillicores: Int64 = 0
    package var expectedNodes: Int64?
    package var rank: Int64?
    /// How often the job's processes were started again.
    package var attempt: Int64 = 0
    /// A process other than the one that speaks.
    package var pid: Int32?
    package var labels: [String: String] = [:]

    package enum AllocationMode: String, Sendable, Hashable { case shared, exclusive }

    package init(key: JobKey) { self.key = key }

    init(key bytes: [UInt8], options: ArraySlice<[UInt8]>, site: String) throws(SocketFault) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let full = JobKey(text) {
            key = full
        } else {
            guard let name = PercentEncoding.decode(bytes), !name.isEmpty, !bytes.contains(UInt8(ascii: "/")) else {
                throw SocketFault("`\(text.prefix(80))` is not a name or cluster/scheduler/id@submit")
            }
            key = JobKey(cluster: site.isEmpty ? "local" : site, scheduler: "exec", id: name, submitSeconds: nil)
        }
        for option in options { try take(option) }
        guard labels.count <= 32, labels.values.allSatisfy({ $0.utf8.count <= 512 }) else {
            throw SocketFault("at most 32 labels of at most 512 bytes")
        }
    }

    private mutating func take(_ word: [UInt8]) throws(SocketFault) {
        let (name, value) = try SocketLine.pair(word)
        switch name {
        case "mode":
            guard let known = AllocationMode(rawValue: value) else { throw SocketFault("mode is shared or exclusive") }
            mode = known
        case "devices":
            devices = value.split(separator: ",").map(String.init)
            guard devices.count <= Batch.maximumDevicesPerAllocation,
                devices.allSatisfy({ SensorDescription.isWellFormed($0) })
            else { throw SocketFault("devices are identities of accelerators, separated by commas") }
        case "cores": reservedMillicores = try Self.number(name, value, 0...1_000_000_000)
        case "expect-nodes": expectedNodes = try Self.number(name, value, 1...1_000_000)
        case "rank": rank = try Self.number(name, value, 0...100_000_000)
        case "pid": pid = Int32(clamping: try Self.number(name, value, 1...4_194_304))
        default:
            guard name.hasPrefix("label."), case let label = String(name.dropFirst(6)),
                SensorDescription.isWellFormed(label, maximumBytes: 64), !label.hasPrefix("claim.")
            else { throw SocketFault("`\(name)` is not known; labels are written label.NAME=VALUE") }
            labels[label] = value
        }
    }

    private static func number(
        _ name: String, _ value: String, _ range: ClosedRange<Int64>
    ) throws(SocketFault) -> Int64 {
        guard let number = Int64(value), range.contains(number) else {
            throw SocketFault("\(name) is a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
