import Energy
import Testing

@testable import Sensors

@Suite struct IPMISourceTests {
    /// 1,180 W now, 1,000 to 1,200, mean 1,100, over a second, active.
    private static let answer: [UInt8] = [
        0x00, 0xDC, 0x9C, 0x04, 0xE8, 0x03, 0xB0, 0x04, 0x4C, 0x04, 0x40, 0x42, 0x3E, 0x67, 0xE8, 0x03, 0, 0, 0x40,
    ]

    @Test func readsThePower() throws {
        let power = try DCMIPower.parse(Self.answer).get()
        #expect(
            (power.currentWatts, power.minimumWatts, power.maximumWatts, power.averageWatts) == (1180, 1000, 1200, 1100)
        )
        #expect((power.stampSeconds, power.periodMilliseconds, power.isActive) == (0x673E_4240, 1000, true))
        #expect(power.value == .power(1_180_000_000))
    }

    @Test func inactiveIsNotZero() throws {
        var answer = Self.answer
        answer[18] = 0
        #expect(try DCMIPower.parse(answer).get().value == .unreadable(.inactive))
        answer[18] = 0x40
        answer[2] = 0
        answer[3] = 0
        #expect(try DCMIPower.parse(answer).get().value == .unreadable(.inactive))
    }

    @Test(
        arguments: [
            ([], .malformed), ([0xC1], .unsupported), ([0xC0], .timedOut), ([0xD4], .denied), ([0xFF], .failed),
            ([0, 0xDC, 1], .malformed), ([0] + [UInt8](repeating: 0, count: 18), .malformed),
        ] as [([UInt8], UnreadableReason)])
    func refusals(answer: [UInt8], reason: UnreadableReason) {
        guard case .failure(let refusal) = DCMIPower.parse(answer) else { return #expect(Bool(false)) }
        #expect(refusal.reason == reason)
    }

    private func source(_ answers: @escaping IPMISource.Exchange) -> IPMISource {
        IPMISource(place: "test") { .success(answers) }
    }

    @Test func discoversAndReads() {
        var source = source { function, command, data in
            #expect(function == 0x2C && command == 0x02 && data == [0xDC, 0x01, 0, 0])
            return .success(Self.answer)
        }
        let report = source.discover()
        #expect(report.sensors.map(\.part) == [.node])
        #expect(
            source.read(nowNanoseconds: 5)[0].reading == Reading(monotonicNanoseconds: 5, value: .power(1_180_000_000)))
        #expect(source.isSlow)
    }

    @Test func aBMCWithoutDCMIAndADeadOne() {
        var without = source { _, _, _ in .success([0xC1]) }
        #expect(without.discover().absence?.remedy.contains("Redfish") == true)
        #expect(without.read(nowNanoseconds: 1).isEmpty)
        var dead = source { _, _, _ in .failure(TransportFailure(reason: .timedOut, text: "")) }
        #expect(dead.discover().sensors[0].access.isReadable == false)
        #expect(dead.read(nowNanoseconds: 1)[0].reading.value == .unreadable(.timedOut))
    }

    @Test func whatTheBMCRefusesNamesWhatToDo() {
        func remedy(_ answer: Result<[UInt8], TransportFailure>) -> String {
            var source = source { _, _, _ in answer }
            guard case .unreadable(_, let remedy)? = source.discover().sensors.first?.access else { return "" }
            return remedy
        }
        #expect(remedy(.failure(TransportFailure(reason: .denied, text: "wrong password"))).contains("wrong password"))
        #expect(remedy(.success([0xD4])).contains("privilege: operator"))
        #expect(remedy(.success([0xFF])).contains("ipmitool"))
    }

    @Test func theDriversDevice() {
        var none = IPMISource(devicePath: "/nonexistent/ipmi0")
        #expect(none.discover().absence?.remedy.contains("ipmi_devintf") == true)
        // A file that is no BMC answers the ioctl with ENOTTY.
        let tree = FixtureTree(["ipmi0": ""])
        var other = IPMISource(devicePath: tree.root + "/ipmi0")
        #expect(other.discover().absence != nil)
    }
}
