import Energy

/// Where sensors stand that are not read now, so that one that comes back goes on from there: in a new epoch when it
/// was lost, with the very counter when only its source was late after a restart.
struct AbsentSensors: Sendable {
    private struct Place: Sendable {
        var state: SensorTrack.Continuation
        var isContinued: Bool
    }

    private var places: [String: Place]

    /// - Parameters:
    ///   - states: of the run before.
    ///   - isSameBoot: whether the hardware has counted on since.
    init(_ states: [SensorTrack.Continuation], isSameBoot: Bool) {
        places = Dictionary(states.map { ($0.id, Place(state: $0, isContinued: isSameBoot)) }) { first, _ in first }
    }

    /// Remembers the sensors of `known` that are not in `tracks`. What they do unseen is not known.
    mutating func lose(_ known: [SensorTrack], except tracks: [SensorTrack]) {
        let kept = Set(tracks.map(\.description.id))
        for track in known where !kept.contains(track.description.id) {
            places[track.description.id] = Place(state: track.continuation, isContinued: false)
        }
    }

    /// The track of a sensor that appears.
    mutating func track(_ description: SensorDescription, at nanoseconds: Int64) -> SensorTrack {
        guard let place = places.removeValue(forKey: description.id) else {
            return SensorTrack(description, at: nanoseconds)
        }
        return SensorTrack(
            description, continuing: place.state, isSameBoot: place.isContinued, at: nanoseconds)
    }
}

extension SensorTrack {
    /// The same sensor as discovery shows it now.
    func changed(to description: SensorDescription, at nanoseconds: Int64) -> SensorTrack {
        guard self.description.quantity == description.quantity else {
            // Read in another way than before: the chain's value goes on, in a new epoch.
            return SensorTrack(description, continuing: continuation, isSameBoot: false, at: nanoseconds)
        }
        var track = self
        track.rename(description)
        return track
    }
}
