import Energy

/// What each sensor's last reading was: a value, or the reason why there is none.
struct ReadingStates: Sendable {
    /// One sensor for people and `/metrics`.
    struct Text: Sendable, Hashable {
        var id: String
        var layer: String
        /// `ok`, `waiting` before the first reading, else the reason.
        var state: String
    }

    private var reasons: [UnreadableReason?] = []
    private var isKnown: [Bool] = []
    /// Whether anything is other than when this was last asked.
    private var isChanged = true

    mutating func takeChange() -> Bool {
        defer { isChanged = false }
        return isChanged
    }

    mutating func take(_ samples: [Sampler.Sample]) {
        for sample in samples {
            while reasons.count <= sample.sensor {
                reasons.append(nil)
                isKnown.append(false)
            }
            let reason: UnreadableReason? =
                if case .unreadable(let reason) = sample.reading.value { reason } else { nil }
            isChanged = isChanged || !isKnown[sample.sensor] || reasons[sample.sensor] != reason
            isKnown[sample.sensor] = true
            reasons[sample.sensor] = reason
        }
    }

    /// Other sensors are read from now on.
    mutating func reset() { self = ReadingStates() }

    func texts(of descriptions: [SensorDescription]) -> [Text] {
        descriptions.enumerated().map { place, description in
            let state = place < reasons.count && isKnown[place] ? reasons[place]?.rawValue ?? "ok" : "waiting"
            return Text(id: description.id, layer: description.layer.rawValue, state: state)
        }
    }
}
