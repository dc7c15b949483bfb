import Energy
import PinnedHTTPS
import Sensors
import Synchronization
import Testing

@testable import NodeAgent

/// A distribution unit that feeds two nodes, asked by both of them over TLS: each takes its own cords as its node, and
/// what feeds both stands above them.
@Suite struct MeterServiceTests {
    /// Kilowatt-hours of the shelf and watts of four outlets, in both forms that such units speak.
    private final class Unit: Sendable {
        let watts = Mutex([400, 410, 300, 310])

        func answer(_ asked: DeviceServer.Asked) -> DeviceServer.Answer {
            let watts = watts.withLock { $0 }
            switch asked.path {
            case "/outlets.json":
                let outlets = watts.map { "{\"w\":\($0).5}" }.joined(separator: ",")
                return .reply(200, "{\"outlets\":[\(outlets)],\"shelf\":{\"kwh\":\"12.345\"}}")
            case "/outlets.csv":
                let rows = watts.enumerated().map { "\($0.offset + 1),\($0.element).5\n" }.joined()
                return .reply(200, "Outlet,Watts\n" + rows + "shelf,0\n")
            default: return .reply(404, "")
            }
        }
    }

    private func sources(_ node: String, _ server: DeviceServer, isCSV: Bool) -> NodeSources {
        func outlet(_ number: Int) -> MeterSource.Feed.Value {
            isCSV
                ? .csv(key: "outlet", row: "\(number)", column: "watts")
                : .json(path: "outlets[\(number - 1)].w")
        }
        var feeds: [MeterSource.Feed] = [
            .init(id: "n1", nodes: ["n1"], values: [outlet(1), outlet(2)], unit: .watts),
            .init(id: "n2", nodes: ["n2"], values: [outlet(3), outlet(4)], unit: .watts),
        ]
        if !isCSV {
            feeds.append(
                .init(id: "shelf", nodes: ["n1", "n2"], values: [.json(path: "shelf.kwh")], unit: .kilowattHours))
        }
        var sources = NodeSources(sysfsRoot: "/nonexistent", procfsRoot: "/nonexistent")
        sources.node = node
        sources.meters = [
            .init(
                name: "pdu-1", service: server.service(), path: isCSV ? "/outlets.csv" : "/outlets.json", feeds: feeds)
        ]
        return sources
    }

    private func readings(_ sources: NodeSources) -> [String: Reading.Value] {
        var readings: [String: Reading.Value] = [:]
        for var source in sources.all where source.name.contains("meter") || source.name.contains("pdu") {
            let report = source.discover()
            for reading in source.read(nowNanoseconds: 1) {
                readings[report.sensors[reading.sensor].description.id] = reading.reading.value
            }
        }
        return readings
    }

    @Test(arguments: [false, true]) func eachNodeTakesItsOwnCords(isCSV: Bool) throws {
        let unit = Unit()
        let server = try DeviceServer { unit.answer($0) }
        for (node, watts) in [("n1", 811_000_000), ("n2", 611_000_000)] as [(String, Int64)] {
            let sources = sources(node, server, isCSV: isCSV)
            let layering = sources.survey().layering
            let own = layering.sensors.filter { $0.description.layer == .nodeAC }
            #expect(own.map(\.description.id) == ["meter:pdu-1/\(node)"])
            #expect(layering.boundary == "node-ac")
            // What feeds both is in neither's total.
            #expect(!layering.sensors.contains { $0.description.layer == .facility })
            let other = node == "n1" ? "n2" : "n1"
            let above = layering.leftOut.map(\.id).sorted()
            #expect(above == ["meter:pdu-1/\(other)"] + (isCSV ? [] : ["meter:pdu-1/shelf"]))
            let read = readings(sources)
            #expect(read["meter:pdu-1/\(node)"] == .power(watts))
            #expect(read["meter:pdu-1/shelf"] == (isCSV ? nil : .counter(12_345_000)))
        }
    }

    @Test func anOutletThatIsGoneIsAStateAndNotZero() throws {
        let unit = Unit()
        let server = try DeviceServer { unit.answer($0) }
        unit.watts.withLock { $0 = [400] }
        let read = readings(sources("n1", server, isCSV: true))
        #expect(read["meter:pdu-1/n1"] == .unreadable(.malformed))
    }

    /// Each cord of a node hangs on a unit of its own.
    @Test func cordsOnTwoUnitsAreAdded() throws {
        let units = [Unit(), Unit()]
        units[1].watts.withLock { $0 = [500, 0, 0, 0] }
        let servers = try units.map { unit in try DeviceServer { unit.answer($0) } }
        var sources = NodeSources(sysfsRoot: "/nonexistent", procfsRoot: "/nonexistent")
        sources.node = "n1"
        sources.meters = servers.enumerated().map { index, server in
            .init(
                name: "pdu-\(index)", service: server.service(), path: "/outlets.json",
                feeds: [
                    .init(id: "n1", nodes: ["n1"], values: [.json(path: "outlets[0].w")], unit: .watts),
                    .init(id: "n2", nodes: ["n2"], values: [.json(path: "outlets[1].w")], unit: .watts),
                ])
        }
        #expect(sources.feedFault == nil)
        let layering = sources.survey().layering
        #expect(layering.sensors.map(\.description.id) == ["meter:n1"])
        #expect(layering.leftOut.map(\.id).sorted() == ["meter:pdu-0/n2", "meter:pdu-1/n2"])
        let cords = try #require(sources.all.first { $0.name == "cords" })
        var source = cords
        _ = source.discover()
        #expect(source.read(nowNanoseconds: 1).map(\.reading.value) == [.power(901_000_000)])
        sources.meters[1].feeds[0].id = "other"
        #expect(sources.feedFault?.contains("`n1` twice, as `n1` and `other`") == true)
        sources.meters[1].feeds[0] = .init(id: "n1", nodes: ["n1"], values: [], unit: .joules)
        #expect(sources.feedFault?.contains("W and J") == true)
    }
}
