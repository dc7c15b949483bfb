import Energy
import Synchronization
import Testing

@testable import Sensors

/// A service of fixed documents, changeable while it runs.
private final class Service: Sendable {
    private let documents: Mutex<[String: String]>

    init(_ documents: [String: String]) { self.documents = Mutex(documents) }

    func set(_ path: String, _ document: String?) { documents.withLock { $0[path] = document } }

    func get(_ path: String) -> Result<[UInt8], TransportFailure> {
        guard let document = documents.withLock({ $0[path] }) else {
            return .failure(TransportFailure(reason: .gone, text: "404"))
        }
        return document == "401"
            ? .failure(TransportFailure(reason: .denied, text: "401")) : .success(Array(document.utf8))
    }
}

@Suite struct RedfishSourceTests {
    private static let chassis = "/redfish/v1/Chassis"

    private static func collection(_ paths: String...) -> String {
        #"{"Members":["# + paths.map { #"{"@odata.id":"\#($0)"}"# }.joined(separator: ",") + "]}"
    }

    /// A host with two supplies and a GPU baseboard inside it that shows power of its own.
    private static let hgx = [
        chassis: collection(chassis + "/HGX", chassis + "/1"),
        chassis + "/1": #"{"ChassisType":"RackMount","PowerSubsystem":{"@odata.id":"\#(chassis)/1/PowerSubsystem"}}"#,
        chassis + "/1/PowerSubsystem": #"{"PowerSupplies":{"@odata.id":"\#(chassis)/1/PowerSubsystem/PowerSupplies"}}"#,
        chassis + "/1/PowerSubsystem/PowerSupplies": collection(chassis + "/1/psu0", chassis + "/1/psu1"),
        chassis + "/1/psu0": #"{"Metrics":{"@odata.id":"\#(chassis)/1/psu0/Metrics"}}"#,
        chassis + "/1/psu1": #"{"Metrics":{"@odata.id":"\#(chassis)/1/psu1/Metrics"}}"#,
        chassis + "/1/psu0/Metrics": #"{"InputPowerWatts":{"Reading":2500.25},"OutputPowerWatts":{"Reading":2350}}"#,
        chassis + "/1/psu1/Metrics": #"{"InputPowerWatts":{"Reading":2499.5},"EnergykWh":{"Reading":12.5}}"#,
        chassis + "/HGX": #"{"ChassisType":"Module","Links":{"ContainedBy":{"@odata.id":"\#(chassis)/1"}},"#
            + #""EnvironmentMetrics":{"@odata.id":"\#(chassis)/HGX/EnvironmentMetrics"}}"#,
        chassis + "/HGX/EnvironmentMetrics": #"{"PowerWatts":{"Reading":4000}}"#,
    ]

    private func source(_ service: Service) -> RedfishSource { RedfishSource(place: "https://bmc", get: service.get) }

    @Test func inputOfAllSuppliesIsTheNode() {
        let service = Service(Self.hgx)
        var source = source(service)
        let report = source.discover()
        #expect(report.sensors.map(\.description.layer) == [.nodeAC])
        #expect(report.remarks.contains { $0.contains("HGX") && $0.contains("not added") })
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .power(4_999_750_000))
        service.set(Self.chassis + "/1/psu1/Metrics", #"{"InputPowerWatts":{"Reading":null}}"#)
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .unreadable(.malformed))
        service.set(Self.chassis + "/1/psu1/Metrics", nil)
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .unreadable(.gone))
    }

    @Test func aSupplyWithoutInputMakesTheChassisFallBack() {
        var documents = Self.hgx
        documents[Self.chassis + "/1/psu1/Metrics"] = #"{"OutputPowerWatts":{"Reading":1}}"#
        documents[Self.chassis + "/1"] =
            #"{"ChassisType":"RackMount","PowerSubsystem":{"@odata.id":"\#(Self.chassis)/1/PowerSubsystem"},"#
            + #""EnvironmentMetrics":{"@odata.id":"/env"}}"#
        documents["/env"] = #"{"PowerWatts":{"Reading":5000},"EnergykWh":{"Reading":1}}"#
        var source = source(Service(documents))
        #expect(source.discover().sensors.map(\.description.layer) == [.nodeDC])
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .power(5_000_000_000))
    }

    /// A BMC that restarts is asked again once a minute, and counts again when discovery has seen it.
    @Test func aServiceThatComesBackIsReadAgain() {
        let service = Service([:])
        var source = source(service)
        _ = source.discover()
        for (path, document) in Self.hgx { service.set(path, document) }
        #expect(source.read(nowNanoseconds: 59_000_000_000)[0].reading.value == .unreadable(.gone))
        #expect(source.read(nowNanoseconds: 60_000_000_000)[0].reading.value == .power(4_999_750_000))
        #expect(source.discover().sensors.map(\.access) == [.readable])
    }

    @Test func kilowattHoursAreACounterWhereThatIsWanted() {
        var documents = Self.hgx
        documents[Self.chassis + "/1/psu0/Metrics"] = #"{"EnergykWh":{"Reading":1.25},"InputPowerWatts":{"Reading":1}}"#
        let service = Service(documents)
        var source = RedfishSource(place: "https://bmc", layer: .nodeDC, measured: .energy, get: service.get)
        let report = source.discover()
        #expect(report.sensors.map(\.description.provenance) == [.counter])
        // 13.75 kWh in mWh.
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .counter(13_750_000))
        service.set(Self.chassis + "/1/psu0/Metrics", #"{"InputPowerWatts":{"Reading":1}}"#)
        var without = RedfishSource(place: "https://bmc", measured: .energy, get: service.get)
        #expect(without.discover().absence?.remedy.contains("measure: power") == true)
    }

    private func control(_ name: String, _ watts: String, related: String? = nil) -> String {
        let items = related.map { #","RelatedItem":[{"@odata.id":"\#($0)"}]"# } ?? ""
        return #"{"Name":"\#(name)","PowerConsumedWatts":\#(watts)\#(items)}"#
    }

    private func legacy(_ controls: String...) -> RedfishSource {
        source(
            Service([
                Self.chassis: Self.collection("/c"), "/c": #"{"Power":{"@odata.id":"/p"}}"#,
                "/p": #"{"PowerControl":["# + controls.joined(separator: ",") + "]}",
            ]))
    }

    @Test func overlappingControlsAreNeverAdded() {
        let cases: [(RedfishSource, Int64)] = [
            (legacy(control("CPU", "200"), control("System Power Control", "344"), control("GPU tray", "100")), 344),
            (
                legacy(
                    control("a", "200", related: "/redfish/v1/Systems/1/Processors/CPU0"),
                    control("b", "500", related: "/redfish/v1/Systems/1")), 500
            ),
            (legacy(control("a", "200"), control("b", "300")), 200),
            (legacy(control("a", "null"), control("b", "300.5")), 300),
        ]
        for (source, watts) in cases {
            var source = source
            #expect(source.discover().sensors.count == 1)
            guard case .power(let power) = source.read(nowNanoseconds: 1)[0].reading.value else {
                #expect(Bool(false))
                continue
            }
            #expect(power / 1_000_000 == watts)
        }
    }

    @Test func absenceDenialAndGarbage() {
        for (answer, reason) in [(nil, UnreadableReason.gone), ("401", .denied), ("<html>", .malformed)] {
            var source = source(Service(answer.map { [Self.chassis: $0] } ?? [:]))
            guard case .unreadable(let found, let remedy) = source.discover().sensors[0].access else {
                #expect(Bool(false), "\(reason)")
                continue
            }
            #expect(found == reason && remedy.contains("BMC"))
            #expect(source.read(nowNanoseconds: 1).map(\.reading.value) == [.unreadable(reason)])
        }
        var empty = source(Service([Self.chassis: Self.collection("/c"), "/c": "{}"]))
        #expect(empty.discover().absence?.reason.contains("no chassis") == true)
    }

    /// A BMC whose host just started shows null, some show 0, before they have measured.
    @Test(arguments: [
        ("EnvironmentMetrics", #"{"PowerWatts":{"Reading":null}}"#, #"{"PowerWatts":{"Reading":812.5}}"#),
        ("EnvironmentMetrics", #"{"PowerWatts":{"Reading":0}}"#, #"{"PowerWatts":{"Reading":812.5}}"#),
        (
            "Power", #"{"PowerControl":[{"PowerConsumedWatts":null}]}"#,
            #"{"PowerControl":[{"PowerConsumedWatts":812.5}]}"#
        ),
    ])
    func whatHasNoValueYetIsAStateAndNoAbsence(link: String, before: String, after: String) {
        let service = Service([
            Self.chassis: Self.collection("/gpu", "/c"),
            "/c": #"{"ChassisType":"RackMount","\#(link)":{"@odata.id":"/p"}}"#,
            "/gpu": #"{"ChassisType":"Module","EnvironmentMetrics":{"@odata.id":"/gpu/e"}}"#,
            "/gpu/e": #"{"PowerWatts":{"Reading":700}}"#, "/p": before,
        ])
        var source = source(service)
        guard case .unreadable(.inactive, let remedy) = source.discover().sensors.first?.access else {
            return #expect(Bool(false), "a part was taken for the whole, or nothing")
        }
        #expect(remedy.contains("/p has no value now"))
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .unreadable(.inactive))
        service.set("/p", after)
        #expect(source.read(nowNanoseconds: 60_000_000_000)[0].reading.value == .power(812_500_000))
    }

    @Test func aSlotWithoutASupplyIsNoMissingCord() {
        var documents = Self.hgx
        documents[Self.chassis + "/1/PowerSubsystem/PowerSupplies"] = Self.collection(
            Self.chassis + "/1/psu0", Self.chassis + "/1/psu1", Self.chassis + "/1/psu2")
        documents[Self.chassis + "/1/psu2"] = #"{"Status":{"State":"Absent"}}"#
        var source = source(Service(documents))
        #expect(source.discover().sensors.map(\.measurementPoint) == ["input of 2 power supplies of \(Self.chassis)/1"])
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .power(4_999_750_000))
    }

    /// A chassis that cannot be asked now may be the one that contains the others.
    @Test func anUnansweredChassisIsAskedAgain() {
        let service = Service(Self.hgx.merging([Self.chassis + "/1": "401"]) { $1 })
        var source = source(service)
        guard case .unreadable(.denied, _) = source.discover().sensors.first?.access else {
            return #expect(Bool(false), "the baseboard was taken for the node")
        }
        service.set(Self.chassis + "/1", Self.hgx[Self.chassis + "/1"])
        #expect(source.read(nowNanoseconds: 60_000_000_000)[0].reading.value == .power(4_999_750_000))
        // What the supplies take in is the node, whatever the baseboard would say.
        service.set(Self.chassis + "/HGX", "401")
        let report = source.discover()
        #expect(report.sensors.map(\.access) == [.readable])
        #expect(report.remarks.contains { $0.hasSuffix("it was left out") })
    }
}
