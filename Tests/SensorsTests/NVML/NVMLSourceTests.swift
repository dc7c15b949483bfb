import Energy
import Testing

@testable import Sensors

@Suite struct NVMLSourceTests {
    private let utc: Int64 = 1_700_000_000_000_000

    private func source(_ double: LibraryDouble, wait: @escaping @Sendable (Int64) -> Void = { _ in }) -> NVMLSource {
        let utc = utc
        return NVMLSource(libraryPath: double.path, utcMicroseconds: { utc }, wait: wait)
    }

    @Test func countersAreKnownByUUID() throws {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-aa")
        double.add(1, uuid: "GPU-bb", limitMilliwatts: 0)
        double.set("energy", 123_456)
        double.set("stamp_us", UInt64(utc - 40_000))
        var source = source(double)
        let report = source.discover()
        #expect(report.sensors.map(\.description.id) == ["nvml:GPU-aa", "nvml:GPU-bb"])
        let description = report.sensors[0].description
        #expect((description.layer, description.provenance) == (.gpu, .counter))
        #expect(
            description.quantity == .energyCounter(microjoulesNumerator: 1000, microjoulesDenominator: 1, modulus: nil))
        #expect(description.maximumPowerMicrowatts == 1_050_000_000)
        #expect(report.sensors[1].description.maximumPowerMicrowatts == 1_500_000_000)
        let readings = source.read(nowNanoseconds: 1_000_000_000)
        #expect(readings[0].reading == Reading(monotonicNanoseconds: 960_000_000, value: .counter(123_456)))
        #expect(readings[1].reading.monotonicNanoseconds == 1_000_000_000)
    }

    @Test func fallsBackFromFieldToCallToPowerAndSaysSo() throws {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-aa")
        var places: [String] = []
        for lost in ["none", "energy_field", "energy_call", "power_fields", "power_usage"] {
            double.set(lost, 0)
            var source = source(double)
            let report = source.discover()
            places.append(report.sensors.first?.place ?? "nothing")
            if lost == "energy_call" {
                #expect(report.sensors[0].description.provenance == .integrated)
                #expect(source.read(nowNanoseconds: 1)[0].reading.value == .power(300_000_000))
            }
        }
        #expect(
            places == [
                "nvmlDeviceGetFieldValues 83", "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetFieldValues 185",
                "nvmlDeviceGetPowerUsage", "nothing",
            ])
    }

    @Test(arguments: [0, 2, 3, 4] as [UInt64])
    func valueTypesOfEveryDriver(type: UInt64) throws {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-aa")
        double.set("energy_type", type)
        double.set("energy", 5_000_000_000)
        var source = source(double)
        _ = source.discover()
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .counter(5_000_000_000))
    }

    @Test func successOutsideDoesNotHideAnErrorInside() throws {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-aa")
        double.add(1, uuid: "GPU-bb")
        var source = source(double)
        _ = source.discover()
        double.set("field_status", 4)
        #expect(source.read(nowNanoseconds: 1).map(\.reading.value) == [.unreadable(.denied), .counter(0)])
        double.set("field_status", 0)
        double.set("energy_type", 9)
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .unreadable(.malformed))
    }

    @Test func aLostGPUHidesNoOtherAndComesBackAsANewEpoch() throws {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-aa")
        double.add(1, uuid: "GPU-bb")
        var source = source(double)
        _ = source.discover()
        double.set("status", 15)
        for _ in 0..<2 {
            #expect(source.read(nowNanoseconds: 1).map(\.reading.value) == [.unreadable(.gone), .counter(0)])
        }
        double.set("status", 0)
        double.set("energy", 77)
        let back = source.read(nowNanoseconds: 2)
        #expect(back.map(\.reading.value) == [.counter(77), .counter(0)])
        #expect(back.map(\.breaksEpoch) == [true, false])
        #expect(source.read(nowNanoseconds: 3).map(\.breaksEpoch) == [false, false])
    }

    @Test(arguments: [1, 9, 18] as [UInt64])
    func aReloadedDriverIsANewEpochForAll(code: UInt64) throws {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-aa")
        double.add(1, uuid: "GPU-bb")
        var source = source(double)
        _ = source.discover()
        double.set("status", code)
        double.set("init_status", 9)
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .unreadable(.failed))
        #expect(source.read(nowNanoseconds: 2).map(\.reading.value) == [.unreadable(.failed), .unreadable(.failed)])
        double.set("status", 0)
        double.set("init_status", 0)
        let back = source.read(nowNanoseconds: 3)
        #expect(back.map(\.breaksEpoch) == [true, true])
        #expect(back[0].reading.value == .counter(0))
    }

    @Test func powerBeyondTheBoardIsGarbage() throws {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-aa")
        double.set("energy_field", 0)
        double.set("energy_call", 0)
        var source = source(double)
        _ = source.discover()
        double.set("gpu_mw", 1_050_001)
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .unreadable(.malformed))
        double.set("gpu_mw", 1_050_000)
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .power(1_050_000_000))
    }

    /// GH200: the counter rises with the power of the module, so that it is the module's and the GPU is integrated.
    @Test(arguments: [(825, true), (450, false)] as [(UInt64, Bool)])
    func theCountersSlopeTellsGPUFromModule(joules: UInt64, isModule: Bool) throws {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-aa", name: "NVIDIA GH200 480GB")
        double.set("gpu_mw", 300_000)
        double.set("module_mw", 550_000)
        double.set("energy", 1000)
        var source = source(double, wait: { _ in double.set("energy", 1000 + joules * 1000) })
        let report = source.discover()
        let module = report.sensors.first { $0.description.layer == .module }?.description
        let gpu = report.sensors.first { $0.description.layer == .gpu }?.description
        #expect((module != nil) == isModule)
        #expect(gpu?.within == (isModule ? "nvml:GPU-aa/module" : nil))
        #expect(gpu?.provenance == (isModule ? .integrated : .counter))
    }

    @Test func partitionedBoardsAreMeasuredAsBoards() throws {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-aa")
        double.set("mig", 1)
        var source = source(double)
        let report = source.discover()
        #expect(report.sensors.count == 1)
        #expect(report.remarks.contains { $0.contains("MIG") })
    }

    @Test func absenceHasAReasonAndARemedy() throws {
        var nowhere = NVMLSource(libraryPath: "/nonexistent/libnvidia-ml.so.1")
        #expect(nowhere.discover().absence?.remedy.contains("NVIDIA_DRIVER_CAPABILITIES") == true)
        #expect(nowhere.read(nowNanoseconds: 1).isEmpty)
        let double = try LibraryDouble.fakeNVML()
        double.set("init_status", 18)
        var mismatched = source(double)
        #expect(mismatched.discover().absence?.reason.contains("versions differ") == true)
        double.set("init_status", 0)
        #expect(mismatched.discover().absence?.reason.contains("0 GPUs") == true)
    }
}
