import Energy

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
    private var way: Way?

    private enum Way: Sendable, Hashable {
        case supplies([String])
        case environment(String)
        case control(String, Int)
    }

    /// - Parameter place: the service's address for people, without credentials.
    package init(place: String, get: @escaping Get) {
        self.place = place
        self.get = get
    }

    private struct Chassis {
        var path: String
        var resource: JSONValue
        var way: Way
        var remark: String?
    }

    package mutating func discover() -> SourceReport {
        way = nil
        let paths: [String]
        switch document("/redfish/v1/Chassis") {
        case .success(let collection): paths = RedfishPower.members(collection)
        case .failure(let failure) where failure.reason == .denied:
            return SourceReport(source: name, sensors: [sensor(.nodeAC, point: "node", access: denied)])
        case .failure(let failure):
            return .absent(
                name, "\(place): \(failure.reason.rawValue): \(failure.text)",
                remedy: "check address, certificate and account of the BMC")
        }
        var found: [Chassis] = []
        for path in paths.prefix(64) {
            guard case .success(let resource) = document(path), let (way, remark) = survey(resource) else { continue }
            found.append(Chassis(path: path, resource: resource, way: way, remark: remark))
        }
        guard let root = root(of: found) else {
            return .absent(name, "no chassis at \(place) shows power", remedy: "update the BMC's firmware")
        }
        way = root.way
        var report = SourceReport(source: name, sensors: [sensor(root)])
        report.remarks = root.remark.map { [$0] } ?? []
        for other in found where other.path != root.path {
            report.remarks.append(
                "\(other.path) shows power too and is not added: it lies inside \(root.path) or beside it")
        }
        return report
    }

    private let denied = FoundSensor.Access.unreadable(.denied, remedy: "give the agent a read-only account on the BMC")

    private func document(_ path: String) -> Result<JSONValue, TransportFailure> {
        get(path).flatMap { body in
            JSONValue(parsing: body).map(Result.success)
                ?? .failure(TransportFailure(reason: .malformed, text: "\(path) is not JSON"))
        }
    }

    /// What the chassis offers, in order of trust. Input of the supplies counts what conversion loses.
    private func survey(_ chassis: JSONValue) -> (Way, String?)? {
        if let subsystem = RedfishPower.link(chassis, "PowerSubsystem"), case .success(let power) = document(subsystem),
            let list = RedfishPower.link(power, "PowerSupplies"), case .success(let supplies) = document(list)
        {
            let metrics = RedfishPower.members(supplies).prefix(32).map { supply -> String? in
                guard case .success(let resource) = document(supply), let path = RedfishPower.link(resource, "Metrics"),
                    case .success(let values) = document(path), RedfishPower.supplyInput(values) != nil
                else { return nil }
                return path
            }
            // All or none: a sum without one cord is not the node.
            if !metrics.isEmpty, !metrics.contains(nil) { return (.supplies(metrics.compactMap(\.self)), nil) }
        }
        if let path = RedfishPower.link(chassis, "EnvironmentMetrics"), case .success(let metrics) = document(path),
            RedfishPower.environment(metrics) != nil
        {
            return (.environment(path), nil)
        }
        if let path = RedfishPower.link(chassis, "Power"), case .success(let power) = document(path),
            let (index, remark) = RedfishPower.control(power)
        {
            return (.control(path, index), remark)
        }
        return nil
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
        return candidates.first { if case .supplies = $0.way { true } else { false } }
            ?? candidates.first {
                !["Module", "Component", "Card", "Zone"].contains($0.resource["ChassisType"]?.text ?? "")
            }
            ?? candidates.first
    }

    private func sensor(_ chassis: Chassis) -> FoundSensor {
        switch chassis.way {
        case .supplies(let paths):
            sensor(.nodeAC, point: "input of \(paths.count) power supplies of \(chassis.path)", access: .readable)
        case .environment: sensor(.nodeDC, point: "\(chassis.path), side of the supplies not stated", access: .readable)
        case .control:
            sensor(.nodeDC, point: "\(chassis.path), legacy, side of the supplies not stated", access: .readable)
        }
    }

    private func sensor(_ layer: Layer, point: String, access: FoundSensor.Access) -> FoundSensor {
        let description = SensorDescription(
            id: "redfish:node", kind: "redfish", layer: layer, provenance: .integrated,
            quantity: .power(rule: .trapezoid), maximumPowerMicrowatts: 50_000_000_000, refreshMilliseconds: 5000,
            periodMilliseconds: 10_000)
        return FoundSensor(
            description: description, part: .node, measurementPoint: point, place: place, access: access,
            costMicroseconds: 200_000)
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        guard let way else { return }
        let power: Result<Int64?, TransportFailure> =
            switch way {
            case .supplies(let paths): sum(paths)
            case .environment(let path): document(path).map(RedfishPower.environment)
            case .control(let path, let index): document(path).map { RedfishPower.consumed($0, control: index) }
            }
        let value: Reading.Value =
            switch power {
            case .success(let microwatts?) where microwatts > 0: .power(microwatts)
            case .success(.some): .unreadable(.inactive)
            case .success(.none): .unreadable(.malformed)
            case .failure(let failure): .unreadable(failure.reason)
            }
        readings.append(.init(sensor: 0, reading: Reading(monotonicNanoseconds: nowNanoseconds, value: value)))
    }

    private func sum(_ paths: [String]) -> Result<Int64?, TransportFailure> {
        var total: Int64 = 0
        for path in paths {
            switch document(path) {
            case .failure(let failure): return .failure(failure)
            case .success(let metrics):
                guard let power = RedfishPower.supplyInput(metrics), power <= PowerIntegral.powerBoundMicrowatts else {
                    return .success(nil)
                }
                total += power
            }
        }
        return .success(total)
    }
}
