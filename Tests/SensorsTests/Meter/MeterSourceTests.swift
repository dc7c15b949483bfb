import Energy
import Testing

@testable import Sensors

@Suite struct MeterSourceTests {
    private func source(_ body: String, _ feeds: [MeterSource.Feed]) -> MeterSource {
        MeterSource(name: "pdu-1", place: "https://pdu", node: "n1", feeds: feeds) { .success(Array(body.utf8)) }
    }

    @Test func bothCordsOfThisNodeAreTheNodeAndSharedFeedsAreNot() {
        let json = #"{"outlets":[{"w":"400.5"},{"w":399.5},{"kwh":12.345}]}"#
        var source = source(
            json,
            [
                .init(
                    id: "n1", nodes: ["n1"], values: [.json(path: "outlets[0].w"), .json(path: "outlets[1].w")],
                    unit: .watts),
                .init(id: "shelf", nodes: ["n1", "n2"], values: [.json(path: "outlets[2].kwh")], unit: .kilowattHours),
                .init(
                    id: "x", nodes: ["n1"], values: [.json(path: "outlets[0].w"), .json(path: "outlets[9].w")],
                    unit: .watts),
            ])
        let report = source.discover()
        #expect(report.sensors.map(\.description.id) == ["meter:pdu-1/n1", "meter:pdu-1/shelf", "meter:pdu-1/x"])
        #expect(report.sensors.map(\.description.layer) == [.nodeAC, .facility, .nodeAC])
        #expect(report.sensors[2].access.isReadable == false)
        #expect(
            source.read(nowNanoseconds: 1).map(\.reading.value) == [
                .power(800_000_000), .counter(12_345_000), .unreadable(.malformed),
            ])
        // 12.345 kWh = 12,345,000 mWh of 3.6 J each.
        #expect(
            report.sensors[1].description.quantity
                == .energyCounter(microjoulesNumerator: 3_600_000, microjoulesDenominator: 1, modulus: nil))
        let layering = Layering([report])
        // Were it signed too, the shelf would be counted once for each node on it.
        #expect(layering.sensors.map(\.description.layer) == [.nodeAC, .nodeAC])
        #expect(layering.leftOut.contains { $0.id == "meter:pdu-1/shelf" && $0.reason.contains("in no node's total") })
        #expect(layering.boundary == "node-ac")
    }

    @Test func csvRowsByTheirKey() {
        let csv = "Outlet,Power\n1,100\n2,200.5\n3,1\n3,2\n"
        func feed(_ row: String) -> MeterSource.Feed {
            .init(id: row, nodes: ["n1"], values: [.csv(key: "outlet", row: row, column: "power")], unit: .watts)
        }
        var source = source(csv, [feed("2"), feed("3"), feed("4")])
        _ = source.discover()
        #expect(
            source.read(nowNanoseconds: 1).map(\.reading.value) == [
                .power(200_500_000), .unreadable(.malformed), .unreadable(.malformed),
            ])
    }

    @Test func silentMeter() {
        var source = MeterSource(
            name: "pdu", place: "p", node: "n1",
            feeds: [.init(id: "a", nodes: [], values: [], unit: .joules)]
        ) { .failure(TransportFailure(reason: .timedOut, text: "no answer")) }
        let access = source.discover().sensors.map(\.access)
        #expect(access == [.unreadable(.timedOut, remedy: "check address and account of the meter: no answer")])
        #expect(source.read(nowNanoseconds: 1).map(\.reading.value) == [.unreadable(.timedOut)])
    }
}
