import Energy
import Synchronization
import Testing

@testable import Sensors

@Suite struct CordsSourceTests {
    private func meter(
        _ name: String, _ unit: MeterSource.Feed.Unit, _ answer: @escaping @Sendable () -> String?
    ) -> MeterSource {
        MeterSource(
            name: name, place: "https://" + name, node: "n1",
            feeds: [.init(id: "n1", nodes: ["n1"], values: [.json(path: "w")], unit: unit)]
        ) {
            answer().map { .success(Array("{\"w\":\($0)}".utf8)) }
                ?? .failure(TransportFailure(reason: .timedOut, text: "no answer"))
        }
    }

    @Test func theSumOfAllCordsIsTheNodeAndHalfOfItIsNothing() {
        let right = Mutex<String?>("0.4005")
        var source = CordsSource(
            id: "n1",
            meters: [meter("pdu-a", .watts) { "399.25" }, meter("pdu-b", .kilowatts) { right.withLock { $0 } }])
        let report = source.discover()
        #expect(report.sensors.map(\.description.id) == ["meter:n1"])
        #expect(report.sensors.map(\.part) == [.node] && report.sensors.map(\.access) == [.readable])
        #expect(report.sensors[0].place == "https://pdu-a, https://pdu-b")
        #expect(
            source.read(nowNanoseconds: 7).map(\.reading) == [
                Reading(monotonicNanoseconds: 7, value: .power(799_750_000))
            ])
        right.withLock { $0 = nil }
        #expect(source.read(nowNanoseconds: 8).map(\.reading.value) == [.unreadable(.timedOut)])
        #expect(source.discover().sensors.map(\.access.isReadable) == [false])
    }

    @Test func countersAddUpAndDoNotOverflow() {
        var source = CordsSource(
            id: "n1", meters: [meter("a", .kilowattHours) { "1.5" }, meter("b", .wattHours) { "250" }])
        #expect(source.discover().sensors.map(\.description.provenance) == [.counter])
        #expect(source.read(nowNanoseconds: 1).map(\.reading.value) == [.counter(1_750_000)])
        var full = CordsSource(
            id: "n1", meters: (0..<3).map { meter("m\($0)", .joules) { "9223372036854775" } })
        #expect(full.read(nowNanoseconds: 1).map(\.reading.value) == [.unreadable(.malformed)])
    }
}
