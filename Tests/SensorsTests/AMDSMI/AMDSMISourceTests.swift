import Energy
import Testing

@testable import Sensors

@Suite struct AMDSMISourceTests {
    @Test func accumulatorTimesResolution() throws {
        let double = try LibraryDouble.fakeAMDSMI()
        double.add(0, uuid: "aaff74a0-0000-1000-80be-a1b2c3d4e5f6", limitMilliwatts: 0xC1)
        double.add(1, uuid: "bbff74a0-0000-1000-80be-a1b2c3d4e5f6", limitMilliwatts: 0xC2)
        double.set("partitions", 8)
        double.set("energy", 1 << 60)
        var source = AMDSMISource(libraryPath: double.path)
        let report = source.discover()
        #expect(report.sensors.count == 2)
        #expect(report.sensors[0].part == .gpu("0000:c1:00"))
        #expect(
            report.sensors[0].description.quantity
                == .energyCounter(microjoulesNumerator: 15_300, microjoulesDenominator: 1000, modulus: nil))
        #expect(report.remarks.contains { $0.contains("8 partitions") })
        #expect(source.read(nowNanoseconds: 1).map(\.reading.value) == [.counter(1 << 60), .counter(0)])
        double.set("energy", .max)
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .unreadable(.malformed))
        double.set("status", 31)
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .unreadable(.gone))
        double.set("status", 0)
        double.set("energy", 5)
        let back = source.read(nowNanoseconds: 1)
        #expect(back.map(\.breaksEpoch) == [true, false])
        double.set("resolution", 16)
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .unreadable(.malformed))
    }

    @Test func absence() throws {
        var nowhere = AMDSMISource(libraryPath: "/nonexistent/libamd_smi.so")
        #expect(nowhere.discover().absence?.remedy.contains("/opt/rocm/lib") == true)
        let double = try LibraryDouble.fakeAMDSMI()
        double.set("init_status", 34)
        var broken = AMDSMISource(libraryPath: double.path)
        #expect(broken.discover().absence?.remedy.contains("/dev/kfd") == true)
        double.set("init_status", 0)
        #expect(broken.discover().absence?.reason.contains("no GPU") == true)
    }

    @Test(arguments: [0, -1, .nan, .infinity, 1e-9, 1e9] as [Float])
    func resolutionsThatAreNone(resolution: Float) { #expect(AMDSMIUnit(resolution: resolution) == nil) }
}
