package import Energy
package import Sensors

/// Every source that the agent looks for: what the node shows by itself, and what its operator has configured.
package struct NodeSources: Sendable {
    package var sysfsRoot: String
    package var procfsRoot: String
    /// This node's name in the feeds of meters.
    package var node = ""
    /// Libraries other than the drivers' own; they are then loaded beside a recorded tree too.
    package var nvmlLibrary: String?
    package var amdsmiLibrary: String?
    package var redfish: Redfish?
    package var ipmi: IPMI?
    package var meters: [Meter] = []
    /// Power of the processors as the operator states it, for machines that measure nothing.
    package var processorPower: CPUModelSource.Stated?
    /// What the part behind a sensor can draw, by the sensor's identity.
    package var maximumPowerMicrowatts: [String: Int64] = [:]

    package struct Redfish: Sendable {
        package var service: DeviceService
        package var layer: Layer?
        package var measured: RedfishSource.Measured

        package init(service: DeviceService, layer: Layer?, measured: RedfishSource.Measured) {
            self.service = service
            self.layer = layer
            self.measured = measured
        }
    }

    package struct IPMI: Sendable {
        package var host: String
        package var port: UInt16
        package var account: LANSession.Account
        package var layer: Layer

        package init(host: String, port: UInt16, account: LANSession.Account, layer: Layer) {
            self.host = host
            self.port = port
            self.account = account
            self.layer = layer
        }
    }

    /// A meter outside the node.
    package struct Meter: Sendable {
        package var name: String
        package var service: DeviceService
        package var path: String
        package var feeds: [MeterSource.Feed]

        package init(name: String, service: DeviceService, path: String, feeds: [MeterSource.Feed]) {
            self.name = name
            self.service = service
            self.path = path
            self.feeds = feeds
        }
    }

    package init(sysfsRoot: String = "/sys", procfsRoot: String = "/proc") {
        self.sysfsRoot = Self.withoutLastSlash(sysfsRoot)
        self.procfsRoot = Self.withoutLastSlash(procfsRoot)
    }

    /// `/sys/` is the running system's tree as `/sys` is: taken for another, it would have no GPUs and no BMC.
    private static func withoutLastSlash(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.last == "/" { path = path.dropLast() }
        return String(path)
    }

    /// The sources, new ones at each call.
    package var all: [any SensorSource] {
        // Libraries and devices belong to the running system; a recorded tree has none.
        let isLive = sysfsRoot == "/sys"
        var sources: [any SensorSource] = [
            PowercapSource(sysfsRoot: sysfsRoot, procfsRoot: procfsRoot), PerfEnergySource(sysfsRoot: sysfsRoot),
            HwmonSource(sysfsRoot: sysfsRoot), CraySource(sysfsRoot: sysfsRoot),
            CPUModelSource(procfsRoot: procfsRoot, stated: processorPower),
        ]
        let elsewhere = "\(sysfsRoot) is not of the running system"
        if let nvmlLibrary {
            sources.append(NVMLSource(libraryPath: nvmlLibrary))
        } else if isLive {
            sources.append(NVMLSource())
        } else {
            sources.append(SourceLeftAlone("nvml", elsewhere, remedy: "name `nvml-library` to load one beside it"))
        }
        if let amdsmiLibrary {
            sources.append(AMDSMISource(libraryPath: amdsmiLibrary))
        } else if isLive {
            sources.append(AMDSMISource())
        } else {
            sources.append(SourceLeftAlone("amdsmi", elsewhere, remedy: "name `amdsmi-library` to load one beside it"))
        }
        if let ipmi {
            sources.append(IPMISource(host: ipmi.host, port: ipmi.port, account: ipmi.account, layer: ipmi.layer))
        } else if isLive {
            sources.append(IPMISource())
        } else {
            sources.append(SourceLeftAlone("ipmi", elsewhere, remedy: "configure `ipmi` to ask a BMC over the network"))
        }
        if let redfish {
            let session = RedfishSession(redfish.service)
            sources.append(
                RedfishSource(place: redfish.service.place, layer: redfish.layer, measured: redfish.measured) {
                    session.get($0)
                })
        } else {
            sources.append(
                SourceLeftAlone(
                    "redfish", "no service is configured", remedy: "configure `redfish` with the BMC's address"))
        }
        if meters.isEmpty {
            sources.append(
                SourceLeftAlone("meters", "none is configured", remedy: "configure `meters` where outlets are metered"))
        }
        return sources + meterSources
    }

    /// This node's own feeds of one id are its cords; those of several meters are added.
    private var meterSources: [any SensorSource] {
        func source(_ meter: Meter, _ feeds: [MeterSource.Feed]) -> MeterSource {
            MeterSource(
                name: meter.name, place: meter.service.place, node: node, feeds: feeds,
                fetch: meter.service.fetch(meter.path))
        }
        func isOwn(_ feed: MeterSource.Feed) -> Bool { feed.nodes == [node] }
        let own = Dictionary(grouping: meters.flatMap { $0.feeds.filter(isOwn) }, by: \.id)
        func isCord(_ feed: MeterSource.Feed) -> Bool { isOwn(feed) && own[feed.id, default: []].count > 1 }
        var sources: [any SensorSource] = []
        for meter in meters {
            let feeds = meter.feeds.filter { !isCord($0) }
            if !feeds.isEmpty || meter.feeds.isEmpty { sources.append(source(meter, feeds)) }
        }
        for id in own.keys.sorted() where own[id, default: []].count > 1 {
            let cords = meters.compactMap { meter in
                meter.feeds.first { isOwn($0) && $0.id == id }.map { source(meter, [$0]) }
            }
            sources.append(CordsSource(id: id, meters: cords))
        }
        return sources
    }

    /// Why the feeds of a node cannot be its cords, nil where they can. Under two ids nobody can tell two cords, whose
    /// sum is the node, from two meters in series, of which each is the node.
    package var feedFault: String? {
        var known: [String: MeterSource.Feed] = [:]
        for feed in meters.flatMap(\.feeds) where feed.nodes.count == 1 {
            let node = feed.nodes[0]
            guard let other = known.updateValue(feed, forKey: node) else { continue }
            guard other.id == feed.id else {
                return
                    "feed node `\(node)` twice, as `\(other.id)` and `\(feed.id)`: its cords are one feed, of two "
                    + "meters two feeds of one id, which are added; of two meters in series name one"
            }
            guard other.unit.quantity == feed.unit.quantity else {
                return
                    "give `\(feed.id)` of node `\(node)` in \(other.unit.rawValue) and \(feed.unit.rawValue), which "
                    + "cannot be added"
            }
        }
        return nil
    }

    /// Who works on the GPUs; nil beside a recorded tree, whatever this machine has.
    package var gpuWork: NVMLWork? {
        if let nvmlLibrary { return NVMLWork(libraryPath: nvmlLibrary) }
        return sysfsRoot == "/sys" ? NVMLWork() : nil
    }

    /// Looks for all of them once, waiting longer than an agent that has to measure.
    package func survey(patienceMilliseconds: Int64 = 30_000) -> SensorsReport {
        let sampler = Sampler(
            sources: all, maximumPowerMicrowatts: maximumPowerMicrowatts, patienceMilliseconds: patienceMilliseconds)
        sampler.stop()
        return sampler.report
    }
}

/// A source that is known and not looked for here: said, so that nobody takes its silence for absence.
private struct SourceLeftAlone: SensorSource {
    let name: String
    let isSlow = false
    private let reason: String
    private let remedy: String

    init(_ name: String, _ reason: String, remedy: String) {
        self.name = name
        self.reason = reason
        self.remedy = remedy
    }

    func discover() -> SourceReport { .absent(name, reason, remedy: remedy) }
    func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {}
}
