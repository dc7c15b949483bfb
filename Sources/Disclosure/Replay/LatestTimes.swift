import Energy

/// The latest times that two different nodes have told: what a single clock says is nobody's time.
struct LatestTimes: Sendable, Hashable, Codable {
    struct Mark: Sendable, Hashable, Codable {
        var node: String
        var time: UTCTime
    }

    private(set) var latest: Mark?
    /// The latest of any other node.
    private(set) var second: Mark?

    mutating func take(_ time: UTCTime, of node: String) {
        guard let known = latest else {
            latest = Mark(node: node, time: time)
            return
        }
        if known.node == node {
            latest?.time = max(known.time, time)
        } else if time > known.time {
            second = known
            latest = Mark(node: node, time: time)
        } else if second.map({ $0.time < time }) ?? true {
            second = Mark(node: node, time: time)
        }
    }

    func latest(besides node: String) -> Mark? { latest?.node == node ? second : latest }
}
