import CNVML
package import Energy

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Node power from the BMC by DCMI. Slow: the interface to a BMC can hold a call for seconds.
package struct IPMISource: SensorSource {
    package let name = "ipmi"
    package let isSlow = true

    /// Sends one request (network function, command, data) and gives the answer from its completion code on.
    package typealias Exchange = @Sendable (UInt8, UInt8, [UInt8]) -> Result<[UInt8], TransportFailure>

    private let place: String
    private let layer: Layer
    /// Somebody said that there is a BMC: what cannot be asked of it is a sensor with a named state, not nothing.
    private let isConfigured: Bool
    /// Why it cannot be asked, nil where there is nothing to ask.
    private var reason: UnreadableReason?
    private let makeExchange: @Sendable () -> Result<Exchange, TransportFailure>
    private var exchange: Exchange?

    /// The BMC of this machine, through the kernel's driver.
    ///
    /// - Parameter layer: where the vendor says that the figure is taken; on most machines behind the power supplies.
    package init(devicePath: String = "/dev/ipmi0", layer: Layer = .nodeDC, timeoutMilliseconds: Int32 = 3000) {
        self.init(place: devicePath, layer: layer, isConfigured: false) {
            Self.device(devicePath, timeoutMilliseconds: timeoutMilliseconds)
        }
    }

    /// A BMC reached in another way.
    package init(
        place: String, layer: Layer = .nodeDC, isConfigured: Bool = true,
        exchange: @escaping @Sendable () -> Result<Exchange, TransportFailure>
    ) {
        self.place = place
        self.layer = layer
        self.isConfigured = isConfigured
        makeExchange = exchange
    }

    package mutating func discover() -> SourceReport {
        exchange = nil
        reason = nil
        switch makeExchange() {
        case .failure(let failure) where failure.reason == .denied || isConfigured:
            reason = failure.reason
            return SourceReport(source: name, sensors: [sensor(.unreadable(failure.reason, remedy: failure.text))])
        case .failure(let failure):
            return .absent(name, "\(place): \(failure.reason.rawValue)", remedy: failure.text)
        case .success(let found): exchange = found
        }
        switch ask() {
        case .success(let power):
            var found = sensor(.readable)
            if !power.isActive {
                found.access = .unreadable(.inactive, remedy: "switch power measurement on in the BMC")
            }
            return SourceReport(source: name, sensors: [found])
        case .failure(let refusal) where refusal.reason == .unsupported:
            exchange = nil
            return .absent(
                name, "the BMC at \(place) does not know DCMI power readings", remedy: "use its Redfish service")
        case .failure(let refusal):
            return SourceReport(
                source: name, sensors: [sensor(.unreadable(refusal.reason, remedy: Self.remedy(refusal)))])
        }
    }

    private static func remedy(_ refusal: DCMIPower.Refusal) -> String {
        if let failure = refusal.failure { return "check address and account of the BMC: \(failure)" }
        return refusal.code == 0xD4
            ? "give the agent's account at the BMC more: `privilege: operator`, else `privilege: administrator`"
            : "ask it by hand: ipmitool dcmi power reading"
    }

    private func sensor(_ access: FoundSensor.Access) -> FoundSensor {
        let description = SensorDescription(
            id: "dcmi:node", kind: "dcmi", layer: layer, provenance: .integrated, quantity: .power(rule: .trapezoid),
            maximumPowerMicrowatts: 20_000_000_000, refreshMilliseconds: 1000, periodMilliseconds: 5000)
        return FoundSensor(
            description: description, part: .node, measurementPoint: "machine as its BMC defines it, whole watts",
            place: place, access: access, costMicroseconds: 50_000)
    }

    private func ask() -> Result<DCMIPower, DCMIPower.Refusal> {
        guard let exchange else { return .failure(.init(reason: .gone, code: nil)) }
        switch exchange(DCMIPower.networkFunction, DCMIPower.command, DCMIPower.request) {
        case .failure(let failure):
            return .failure(.init(reason: failure.reason, code: nil, failure: failure.text))
        case .success(let answer): return DCMIPower.parse(answer)
        }
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        guard exchange != nil else {
            guard let reason else { return }
            let reading = Reading(monotonicNanoseconds: nowNanoseconds, value: .unreadable(reason))
            return readings.append(.init(sensor: 0, reading: reading))
        }
        let value: Reading.Value =
            switch ask() {
            case .success(let power): power.value
            case .failure(let refusal): .unreadable(refusal.reason)
            }
        readings.append(.init(sensor: 0, reading: Reading(monotonicNanoseconds: nowNanoseconds, value: value)))
    }

    private static func device(_ path: String, timeoutMilliseconds: Int32) -> Result<Exchange, TransportFailure> {
        guard let descriptor = Descriptor(path: path, flags: O_RDWR) else {
            let reason = ReadFailure(code: errno).reason
            let remedy =
                reason == .denied
                ? "let the agent's group read and write \(path) by a udev rule"
                : "load the modules ipmi_si and ipmi_devintf; none on machines without a BMC"
            return .failure(TransportFailure(reason: reason, text: remedy))
        }
        return .success { function, command, data in
            var answer = [UInt8](repeating: 0, count: 64)
            // The time is a number that no earlier request of this process had.
            let length = wattest_ipmi_request(
                descriptor.number, function, command, data, data.count, Int(NodeClock.bootNanoseconds()), &answer,
                answer.count, timeoutMilliseconds)
            guard length >= 0 else {
                return .failure(TransportFailure(reason: ReadFailure(code: -length).reason, text: "ioctl on \(path)"))
            }
            return .success(Array(answer.prefix(Int(length))))
        }
    }
}

/// Why a source behind a transport gave nothing.
package struct TransportFailure: Error, Sendable, Hashable {
    package var reason: UnreadableReason
    /// What happened or what to do, in words; never a secret.
    package var text: String

    package init(reason: UnreadableReason, text: String) {
        self.reason = reason
        self.text = text
    }
}
