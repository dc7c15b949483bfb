package import Energy
import JSONText

/// Node power from a Redfish service. The transport (TLS with the pinned certificate, session, time-out) is the
/// caller's; this source only asks for paths. One figure for the node: the input of all power supplies, else the
/// chassis' environment metrics, else one entry of the legacy resource.
package struct RedfishSource: SensorSource {
    package let name = "redfish"
    package let isSlow = true

    /// GET of an absolute path: the body of a 200 answer, or why there is none.
    package typealias Get = @Sendable (String) -> Result<[UInt8], TransportFailure>

    private let get: Get
    private let place: String
    private let layer: Layer?
    private let measured: Measured
    private var way: Way?
    /// Why there is no way, and when it was looked for last.
    private var reason = UnreadableReason.gone
    private var lastSurvey: Int64 = 0

    private enum Way: Sendable, Hashable {
        case supplies([String])
        case environment(String)
        case control(String, Int)
    }

    /// What is read of the service.
    package enum Measured: String, Sendable, Hashable, CaseIterable {
        case power
        /// The kWh counters of supplies or chassis. Their steps are coarse, 1 Wh at best: for nodes whose batches are
        /// long.
        case energy
    }

    /// - Parameters:
    ///   - place: the service's address for people, without credentials.
    ///   - layer: where the vendor says that the chassis' figure is taken, for services that do not say it.
    package init(place: String, layer: Layer? = nil, measured: Measured = .power, get: @escaping Get) {
        self.place = place
        self.layer = layer
        self.measured = measured
        self.get = get
    }

    private struct Chassis {
        var path: String
        var resource: JSONValue
        var survey: Survey
    }

    package mutating func discover() -> SourceReport {
        way = nil
        let paths: [String]
        switch document("/redfish/v1/Chassis") {
        case .success(let collection): paths = RedfishPower.members(collection)
        case .failure(let failure): return unreadable(failure)
        }
        var found: [Chassis] = []
        var unanswered: TransportFailure?
        for path in paths.prefix(64) {
            switch document(path) {
            case .failure(let failure) where [.gone, .malformed, .unsupported].contains(failure.reason): continue
            // Waiting for each of them would take minutes.
            case .failure(let failure) where failure.reason == .timedOut: return unreadable(failure)
            case .failure(let failure): unanswered = unanswered ?? failure
            case .success(let resource):
                let survey = survey(resource)
                guard survey.way != nil || survey.failure != nil else { continue }
                found.append(Chassis(path: path, resource: resource, survey: survey))
            }
        }
        let root = root(of: found)
        if let unanswered {
            // It may be the one that contains the others; what the supplies take in nothing contains.
            guard case .supplies = root?.survey.way else { return unreadable(unanswered) }
        }
        guard let root else {
            reason = .unsupported
            return .absent(
                name, "no chassis at \(place) shows \(measured == .power ? "power" : "energy in kWh")",
                remedy: measured == .power ? "update the BMC's firmware" : "read its power instead: `measure: power`")
        }
        // What gives no value now may give one later: a part of it is not taken for the whole.
        if root.survey.way == nil, let failure = root.survey.failure { return unreadable(failure) }
        way = root.survey.way
        var report = SourceReport(source: name, sensors: [sensor(root)])
        report.remarks = root.survey.remarks + (unanswered.map { ["\($0.text): it was left out"] } ?? [])
        for other in found where other.path != root.path {
            report.remarks.append(
                "\(other.path) shows power too and is not added: it lies inside \(root.path) or beside it")
        }
        return report
    }

    /// The node has a service, so what cannot be asked is a sensor with a named state, not nothing.
    private mutating func unreadable(_ failure: TransportFailure) -> SourceReport {
        reason = failure.reason
        let remedy =
            switch failure.reason {
            case .denied: "give the agent a read-only account on the BMC: \(failure.text)"
            case .inactive: "none, the BMC is asked again every minute: \(failure.text)"
            default: "check address, certificate and account of the BMC: \(failure.text)"
            }
        return SourceReport(
            source: name,
            sensors: [
                sensor(layer ?? .nodeAC, point: "node", access: .unreadable(failure.reason, remedy: remedy))
            ])
    }

    private func document(_ path: String) -> Result<JSONValue, TransportFailure> {
        get(path).flatMap { body in
            JSONValue.answer(body).map(Result.success)
                ?? .failure(TransportFailure(reason: .malformed, text: "\(path) is not JSON"))
        }
    }

    private struct Survey {
        var way: Way?
        var remarks: [String] = []
        /// Why there is no better way now, though the resource for it is there.
        var failure: TransportFailure?

        /// A link to nothing promises nothing.
        mutating func note(_ problem: TransportFailure) {
            if ![.gone, .unsupported].contains(problem.reason) { failure = failure ?? problem }
        }

        mutating func noteWaiting(_ path: String) {
            note(TransportFailure(reason: .inactive, text: "\(path) has no value now"))
        }
    }

    /// What the chassis offers, in order of trust. Input of the supplies counts what conversion loses.
    private func survey(_ chassis: JSONValue) -> Survey {
        var survey = Survey()
        if let path = RedfishPower.link(chassis, "PowerSubsystem") {
            survey.way = supplies(path, &survey)
            if survey.way != nil { return survey }
        }
        if let path = RedfishPower.link(chassis, "EnvironmentMetrics") {
            switch document(path) {
            case .failure(let problem): survey.note(problem)
            case .success(let metrics):
                if figure(ofChassis: metrics) != nil {
                    survey.way = .environment(path)
                    return survey
                }
                if RedfishPower.isWaiting(metrics, measured == .power ? "PowerWatts" : "EnergykWh") {
                    survey.noteWaiting(path)
                }
            }
        }
        if measured == .power, let path = RedfishPower.link(chassis, "Power") {
            switch document(path) {
            case .failure(let problem): survey.note(problem)
            case .success(let power):
                if let (index, remark) = RedfishPower.control(power) {
                    survey.way = .control(path, index)
                    if let remark { survey.remarks.append(remark) }
                } else if RedfishPower.isWaiting(power) {
                    survey.noteWaiting(path)
                }
            }
        }
        return survey
    }

    /// The input of all supplies that are there, or of none: a sum without one cord is not the node.
    private func supplies(_ subsystem: String, _ survey: inout Survey) -> Way? {
        let list = document(subsystem).flatMap { power in
            RedfishPower.link(power, "PowerSupplies").map(document) ?? .success(.null)
        }
        guard case .success(let supplies) = list else {
            if case .failure(let problem) = list { survey.note(problem) }
            return nil
        }
        var metrics: [String] = []
        for supply in RedfishPower.members(supplies).prefix(32) {
            switch document(supply) {
            case .failure(let problem):
                survey.note(problem)
                return nil
            case .success(let resource):
                if RedfishPower.isAbsent(resource) { continue }
                guard let path = RedfishPower.link(resource, "Metrics") else { return nil }
                switch document(path) {
                case .failure(let problem):
                    survey.note(problem)
                    return nil
                case .success(let values):
                    guard figure(ofSupply: values) != nil else {
                        survey.remarks.append("\(supply) shows no input: the sum of the supplies is not taken")
                        if RedfishPower.isWaiting(values, measured == .power ? "InputPowerWatts" : "EnergykWh") {
                            survey.noteWaiting(path)
                        }
                        return nil
                    }
                    metrics.append(path)
                }
            }
        }
        return metrics.isEmpty ? nil : .supplies(metrics)
    }

    private func figure(ofSupply metrics: JSONValue) -> Int64? {
        measured == .power ? RedfishPower.supplyInput(metrics) : RedfishPower.energy(metrics)
    }

    private func figure(ofChassis metrics: JSONValue) -> Int64? {
        measured == .power ? RedfishPower.environment(metrics) : RedfishPower.energy(metrics)
    }

    /// A GPU baseboard is a chassis inside the host's power: the chassis that no other contains, with supplies if any.
    private func root(of found: [Chassis]) -> Chassis? {
        let paths = Set(found.map(\.path))
        let outer = found.filter { chassis in
            guard let links = chassis.resource["Links"], let container = RedfishPower.link(links, "ContainedBy") else {
                return true
            }
            return !paths.contains(container)
        }
        let candidates = outer.isEmpty ? found : outer
        let wholes = candidates.filter {
            !["Module", "Component", "Card", "Zone"].contains($0.resource["ChassisType"]?.string ?? "")
        }
        return candidates.first { if case .supplies = $0.survey.way { true } else { false } }
            ?? wholes.first { $0.survey.way != nil } ?? wholes.first ?? candidates.first
    }

    private func sensor(_ chassis: Chassis) -> FoundSensor {
        switch chassis.survey.way {
        case .supplies(let paths):
            sensor(.nodeAC, point: "input of \(paths.count) power supplies of \(chassis.path)", access: .readable)
        case .environment, nil:
            sensor(layer ?? .nodeDC, point: chassis.path + (layer == nil ? unstated : ""), access: .readable)
        case .control:
            sensor(
                layer ?? .nodeDC, point: chassis.path + ", legacy" + (layer == nil ? unstated : ""), access: .readable)
        }
    }

    private var unstated: String { ", side of the supplies not stated" }

    private func sensor(_ layer: Layer, point: String, access: FoundSensor.Access) -> FoundSensor {
        let description = SensorDescription(
            id: "redfish:node", kind: "redfish", layer: layer,
            provenance: measured == .power ? .integrated : .counter,
            // A counter of kWh is read in mWh.
            quantity: measured == .power
                ? .power(rule: .trapezoid)
                : .energyCounter(microjoulesNumerator: 3_600_000, microjoulesDenominator: 1, modulus: nil),
            maximumPowerMicrowatts: 50_000_000_000, refreshMilliseconds: 5000,
            periodMilliseconds: 10_000)
        return FoundSensor(
            description: description, part: .node, measurementPoint: point, place: place, access: access,
            costMicroseconds: 200_000)
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        // A service that came back is surveyed again, once a minute, so that a dead one costs little.
        if way == nil, nowNanoseconds - lastSurvey >= 60_000_000_000 {
            lastSurvey = nowNanoseconds
            _ = discover()
        }
        let value: Reading.Value = way.map { judged(figure($0)) } ?? .unreadable(reason)
        readings.append(.init(sensor: 0, reading: Reading(monotonicNanoseconds: nowNanoseconds, value: value)))
    }

    private func figure(_ way: Way) -> Result<Int64?, TransportFailure> {
        switch way {
        case .supplies(let paths): sum(paths)
        case .environment(let path): document(path).map(figure(ofChassis:))
        case .control(let path, let index): document(path).map { RedfishPower.consumed($0, control: index) }
        }
    }

    private func judged(_ figure: Result<Int64?, TransportFailure>) -> Reading.Value {
        switch (figure, measured) {
        case (.success(let count?), .energy):
            UInt64(exactly: count).map(Reading.Value.counter) ?? .unreadable(.malformed)
        case (.success(let microwatts?), .power) where microwatts > 0: .power(microwatts)
        case (.success(.some), .power): .unreadable(.inactive)
        case (.success(.none), _): .unreadable(.malformed)
        case (.failure(let failure), _): .unreadable(failure.reason)
        }
    }

    private func sum(_ paths: [String]) -> Result<Int64?, TransportFailure> {
        var total: Int64 = 0
        for path in paths {
            switch document(path) {
            case .failure(let failure): return .failure(failure)
            case .success(let metrics):
                guard let figure = figure(ofSupply: metrics), figure <= PowerIntegral.powerBoundMicrowatts else {
                    return .success(nil)
                }
                total += figure
            }
        }
        return .success(total)
    }
}
