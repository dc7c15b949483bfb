/// Floating-point operations of a training run by the two formulas of the Commission's guidelines for general-purpose
/// AI models (C(2025) 5045, annex A.2), whose margin of error is 30 %.
package enum TrainingCompute {
    /// What "utilisation" was: the kinds differ by factors.
    package enum UtilisationKind: String, Sendable, Hashable, CaseIterable {
        /// Useful model operations over peak.
        case modelFlop = "model FLOP utilisation"
        /// Operations done, recomputation included, over peak.
        case hardwareFlop = "hardware FLOP utilisation"
        /// Share of time in which the tensor units were active.
        case tensorActivity = "tensor activity"
        /// Share of time in which anything ran: an upper bound only.
        case occupancy
    }

    /// devices · seconds · peak FLOP/s · utilisation.
    package static func byHardware(
        deviceSeconds: ExactRatio, peakFlopPerSecond: DecimalFigure, utilisation: DecimalFigure
    ) throws(EmissionsError) -> ExactRatio {
        guard utilisation > .zero, utilisation <= .one else {
            throw EmissionsError(.outOfRange, "utilisation \(utilisation.text) is not between 0 and 1")
        }
        return try deviceSeconds * peakFlopPerSecond * utilisation
    }

    /// 6 · parameters · tokens, for dense transformers.
    package static func byArchitecture(
        parameters: DecimalFigure, tokens: DecimalFigure
    ) throws(EmissionsError) -> ExactRatio {
        try DecimalFigure(6).ratio * parameters * tokens
    }

    /// Whether two results agree within the guidelines' margin of 30 % of the smaller.
    package static func agree(_ a: ExactRatio, _ b: ExactRatio) throws(EmissionsError) -> Bool {
        try max(a, b) <= min(a, b) * DecimalFigure(coefficient: 13, scale: 1)
    }
}
