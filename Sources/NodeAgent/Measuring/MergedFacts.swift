import Energy

/// The facts of consecutive stretches as those of one interval: how an interval of hours is kept in constant memory.
struct MergedFacts: Sendable {
    private(set) var sensors: [SensorFacts] = []
    private var positions: [String: Int] = [:]

    var isEmpty: Bool { sensors.isEmpty }

    mutating func append(_ later: [SensorFacts]) {
        for facts in later {
            guard let index = positions[facts.id] else {
                positions[facts.id] = sensors.count
                sensors.append(facts)
                continue
            }
            var merged = sensors[index]
            merged.lastMicrojoules = facts.lastMicrojoules
            merged.epoch = facts.epoch
            merged.within = facts.within
            merged.readings += facts.readings
            merged.longestGapMilliseconds = max(merged.longestGapMilliseconds, facts.longestGapMilliseconds)
            merged.bridgedMilliseconds += facts.bridgedMilliseconds
            merged.missingMilliseconds += facts.missingMilliseconds
            merged.idlePowerMilliwatts = facts.idlePowerMilliwatts
            // Held says that the last value stands for the end of the interval: only the last stretch can tell.
            merged.flags = merged.flags.subtracting([.held, .stale]).union(facts.flags)
            sensors[index] = merged
        }
    }

    mutating func takeAll() -> [SensorFacts] {
        defer { self = MergedFacts() }
        return sensors
    }
}
