import Sensors
import Synchronization
import Testing

/// The comparison of counter and power, against the stub of libnvidia-ml on a clock of the test's own.
@Suite struct CounterTrialTests {
    /// Runs ten seconds on a board that draws 400 W and whose counter counts so many per mille of it, in steps.
    private func course(
        perMille: UInt64, stepMilliseconds: Int64, isFrozen: Bool = false, moduleMilliwatts: UInt64 = 0
    ) throws -> CounterTrial.Course {
        let double = try LibraryDouble.fakeNVML()
        double.add(0, uuid: "GPU-a")
        double.set("gpu_mw", 400_000)
        double.set("module_mw", moduleMilliwatts)
        let clock = Mutex<Int64>(1_000_000_000)
        let trial = CounterTrial(
            libraryPath: double.path, now: { clock.withLock { $0 } },
            wait: { nanoseconds in
                let milliseconds = clock.withLock { clock in
                    clock += nanoseconds
                    return clock / 1_000_000
                }
                guard !isFrozen else { return }
                let stepped = UInt64(milliseconds / stepMilliseconds * stepMilliseconds)
                double.set("energy", stepped * 400 * perMille / 1000)
            })
        return try #require(try trial.run(phase: "load", seconds: 10).get().first)
    }

    @Test(arguments: [20, 50, 100] as [Int64]) func aTrueCounterHasNoResidual(step: Int64) throws {
        let course = try course(perMille: 1000, stepMilliseconds: step)
        #expect(course.uuid == "GPU-a" && course.phase == "load" && course.powerSource == "field 186")
        #expect(course.stepMilliseconds == step && course.stepMillijoules == 400 * step)
        #expect((course.residualPerMille ?? 999).magnitude <= 2)
        #expect(course.milliseconds > 9_500 && course.milliseconds <= 10_000)
        #expect(course.latencyMicroseconds == (0, 0, 0))
    }

    @Test(arguments: [(800, -250), (1250, 200)] as [(UInt64, Int64)])
    func aCounterThatIsWrongShowsByHowMuch(perMille: UInt64, residual: Int64) throws {
        let course = try course(perMille: perMille, stepMilliseconds: 50)
        #expect(((course.residualPerMille ?? 0) - residual).magnitude <= 3)
    }

    /// The counter of a superchip counts the module, its processor included.
    @Test func aCounterOfTheModuleIsComparedWithTheModule() throws {
        let whole = try course(perMille: 1500, stepMilliseconds: 50, moduleMilliwatts: 600_000)
        #expect(whole.powerSource == "field 186 of the module" && (whole.residualPerMille ?? 999).magnitude <= 2)
        let board = try course(perMille: 1000, stepMilliseconds: 50, moduleMilliwatts: 600_000)
        #expect(board.powerSource == "field 186" && (board.residualPerMille ?? 999).magnitude <= 2)
    }

    @Test func aCounterThatStandsHasNoFigure() throws {
        let course = try course(perMille: 1000, stepMilliseconds: 50, isFrozen: true)
        #expect(course.residualPerMille == nil && course.stepMilliseconds == nil)
    }

    @Test func withoutALibraryItSaysWhy() {
        let trial = CounterTrial(libraryPath: "/nonexistent/libnvidia-ml.so.1", now: { 0 }, wait: { _ in })
        guard case .failure(let failure) = trial.run(phase: "idle", seconds: 1) else { return #expect(Bool(false)) }
        #expect(failure.text.contains("cannot be loaded"))
    }
}
