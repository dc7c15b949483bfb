import Sensors
import Testing

/// Who works on which board, against the stub of libnvidia-ml.
@Suite struct NVMLWorkTests {
    private func double() throws -> (LibraryDouble, NVMLWork) {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-a")
        double.add(1, uuid: "GPU-b")
        return (double, NVMLWork(libraryPath: double.path))
    }

    @Test func processesAndTheirShares() throws {
        var (double, work) = try double()
        double.addProcess(41)
        double.addProcess(42)
        double.setBusy(30, place: 0)
        double.setBusy(70, place: 1)
        double.set("busy_us", 1_000_000)
        let first = work.look()
        #expect(first.map(\.uuid) == ["GPU-a", "GPU-b"])
        #expect(first.map(\.processes) == [[41, 42], []])
        #expect(first.map(\.busy) == [[41: 30, 42: 70], [:]])
        // The same sample is not counted twice; the next one is.
        let second = work.look()
        #expect(second[0].busy.isEmpty && second[0].processes == [41, 42])
        double.set("busy_us", 2_000_000)
        let third = work.look()
        #expect(third[0].busy == [41: 30, 42: 70])
    }

    @Test func garbageIsNoShare() throws {
        var (double, work) = try double()
        double.addProcess(41)
        double.addProcess(42)
        double.setBusy(4_294_967_295, place: 0)
        double.setBusy(50, place: 1)
        double.set("busy_us", 1_000_000)
        let look = work.look()
        #expect(look[0].busy == [42: 50])
    }

    @Test func aBoardInPartsHasInstancesAndNoShares() throws {
        var (double, work) = try double()
        double.set("mig", 1)
        double.addInstance("MIG-1", multiprocessors: 60)
        double.addInstance("MIG-2", multiprocessors: 42)
        double.addProcess(41)
        double.setBusy(50, place: 0)
        double.set("busy_us", 1_000_000)
        let look = work.look()
        #expect(look[0].busy.isEmpty && look[0].processes == [41])
        #expect(
            look[0].instances == [
                .init(uuid: "MIG-1", multiprocessors: 60), .init(uuid: "MIG-2", multiprocessors: 42),
            ])
        #expect(look[1].instances.isEmpty)
    }

    @Test func aDriverThatGoesAndComesBack() throws {
        var (double, work) = try double()
        let before = work.look()
        #expect(before.count == 2)
        double.set("initialised", 0)
        let without = work.look()
        #expect(without.isEmpty)
        let after = work.look()
        #expect(after.count == 2)
        var none = NVMLWork(libraryPath: "/nonexistent/libnvidia-ml.so.1")
        let nothing = none.look()
        #expect(nothing.isEmpty)
    }
}
