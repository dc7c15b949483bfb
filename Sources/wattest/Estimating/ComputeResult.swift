import Emissions
import JSONText

/// Floating-point operations by hardware and by architecture, side by side.
struct ComputeResult {
    /// Stated, else 6 · P · D: what the time follows from where it is not given.
    let operations: DecimalFigure?
    /// What one device kept up: the stated rate, times the utilisation where that is given.
    let sustainedRate: DecimalFigure?
    private(set) var byHardware: ExactRatio?
    private let byArchitecture: ExactRatio?
    private let stated: DecimalFigure?
    private let peak: DecimalFigure?
    private let utilisation: DecimalFigure?
    private let kind: TrainingCompute.UtilisationKind

    init(_ options: ComputeOptions, nameplate: DeviceNameplate?) throws(EmissionsError) {
        stated = options.flop?.figure
        if let parameters = options.parameters?.figure, let tokens = options.tokens?.figure {
            byArchitecture = try TrainingCompute.byArchitecture(parameters: parameters, tokens: tokens)
        } else {
            byArchitecture = nil
        }
        peak = options.flopPerS?.figure ?? nameplate?.flopPerSecond
        utilisation = options.utilisation?.figure
        kind = options.utilisationKind.kind
        if let utilisation, utilisation <= .zero || utilisation > .one {
            throw EmissionsError(.outOfRange, "utilisation \(utilisation.text) is not between 0 and 1")
        }
        if let stated {
            operations = stated
        } else if let byArchitecture {
            operations = try byArchitecture.rounded(decimals: 0)
        } else {
            operations = nil
        }
        if let peak, let utilisation {
            sustainedRate = try peak.multiplied(by: utilisation)
        } else {
            // The nameplate's peak is no rate that anything keeps up: without a utilisation only a stated one counts.
            sustainedRate = options.flopPerS?.figure
        }
    }

    mutating func add(deviceHours: ExactRatio?) throws(EmissionsError) {
        guard let deviceHours, let peak, let utilisation else { return }
        byHardware = try TrainingCompute.byHardware(
            deviceSeconds: try deviceHours * DecimalFigure(3600), peakFlopPerSecond: peak, utilisation: utilisation)
    }

    var notes: [String] {
        var notes: [String] = []
        if let utilisation { notes.append("utilisation \(utilisation.text), \(kind.rawValue)") }
        if byArchitecture != nil { notes.append("6 · parameters · tokens, for a dense transformer") }
        return notes
    }

    private var agrees: Bool? {
        guard let byHardware, let other = stated?.ratio ?? byArchitecture else { return nil }
        return try? TrainingCompute.agree(byHardware, other)
    }

    var json: JSONValue {
        [
            "stated": EstimateText.json(stated), "by_hardware": EstimateText.json(byHardware),
            "by_architecture": EstimateText.json(byArchitecture),
            "agree_within_30_percent": agrees.map { .bool($0) } ?? .null,
            "source": "Guidelines for providers of general-purpose AI models, C(2025) 5045, annex A.2",
        ]
    }

    var rows: [(String, String)] {
        var rows: [(String, String)] = []
        if let byHardware { rows.append(("FLOP, hardware", EstimateText.text(byHardware))) }
        if let byArchitecture { rows.append(("FLOP, 6·P·D", EstimateText.text(byArchitecture))) }
        if let agrees { rows.append(("FLOP agree", agrees ? "within 30 %" : "no: more than 30 % apart")) }
        return rows
    }
}

/// What the energy and the rent of the devices cost.
struct CostResult {
    private let energy: ExactRatio?
    private let rent: (low: ExactRatio, high: ExactRatio)?
    private let currency: String
    private(set) var missing: [String] = []

    init(_ options: PriceOptions, _ estimate: Estimate, devices: DecimalFigure?) throws(EmissionsError) {
        currency = options.currency
        if let price = options.pricePerKwh?.figure, let kilowattHours = estimate.kilowattHours {
            energy = try kilowattHours * price
        } else {
            energy = nil
        }
        if let price = options.pricePerDeviceHour, let hours = estimate.deviceHours {
            let span = try PublishedMethod.Strubell.cost(
                deviceHours: hours, pricePerDeviceHour: price.low...price.high)
            rent = (span.lowerBound, span.upperBound)
        } else {
            rent = nil
        }
        if options.pricePerKwh != nil, energy == nil { missing.append("cost of energy: there is no energy figure") }
        if options.pricePerDeviceHour != nil, rent == nil { missing.append("rent: there are no device-hours") }
    }

    var json: JSONValue {
        guard energy != nil || rent != nil else { return .null }
        return [
            "currency": .string(currency), "energy": EstimateText.json(energy),
            "rent_low": EstimateText.json(rent?.low), "rent_high": EstimateText.json(rent?.high),
        ]
    }

    var rows: [(String, String)] {
        var rows: [(String, String)] = []
        if let energy { rows.append(("energy cost", "\(EstimateText.text(energy)) \(currency)")) }
        if let rent {
            let low = EstimateText.text(rent.low)
            let high = EstimateText.text(rent.high)
            rows.append(("rent", "\(low == high ? low : "\(low) to \(high)") \(currency)"))
        }
        return rows
    }
}
