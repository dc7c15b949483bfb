import Energy
import Sensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The part of the self-test that compares each GPU's energy counter with its integrated power.
struct GPUTrial: Sendable {
    let sources: NodeSources
    let trial: AgentSelfTest.Trial

    /// One line for each GPU and phase. A counter that contradicts the power fails; a node without GPUs does not.
    func run() -> [AgentSelfTest.Check] {
        let counter = CounterTrial(libraryPath: sources.nvmlLibrary ?? "libnvidia-ml.so.1")
        // A recorded tree has no GPUs, whatever this machine has.
        guard sources.nvmlLibrary != nil || sources.sysfsRoot == "/sys" else { return [] }
        var checks: [AgentSelfTest.Check] = []
        for (phase, seconds) in [("idle", trial.idleSeconds), ("load", trial.loadSeconds)] where seconds > 0 {
            let load = phase == "load" ? trial.loadCommand.flatMap(LoadCommand.init) : nil
            defer { load?.end() }
            switch counter.run(phase: phase, seconds: seconds) {
            case .success(let courses): checks += courses.map(Self.check)
            case .failure(let failure):
                return [.init(name: "gpu", isPassed: failure.reason == .gone, detail: "none: \(failure.text)")]
            }
        }
        return checks
    }

    /// A counter may differ from sampled power by what the sensor misses between looks; beyond a tenth one is wrong.
    private static let toleratedPerMille: Int64 = 100

    private static func check(_ course: CounterTrial.Course) -> AgentSelfTest.Check {
        let residual = course.residualPerMille
        let latency = course.latencyMicroseconds
        let text =
            "\(course.part), driver \(course.driver): \(course.counterMillijoules) mJ counted, "
            + "\(course.integralMillijoules) mJ integrated from \(course.powerSource) in \(course.milliseconds) ms, "
            + "residual \(residual.map(percent) ?? "unknown"); counter steps every "
            + "\(course.stepMilliseconds.map { "\($0) ms" } ?? "?") by "
            + "\(course.stepMillijoules.map { "\($0) mJ" } ?? "?"); call \(latency.median) µs median, "
            + "\(latency.high) µs 99th percentile, \(latency.largest) µs at most"
        return AgentSelfTest.Check(
            name: "gpu \(course.uuid) \(course.phase)",
            isPassed: residual.map { $0.magnitude <= toleratedPerMille.magnitude } ?? false,
            detail: residual == nil ? text + "; the counter stood still" : text)
    }

    private static func percent(_ perMille: Int64) -> String {
        "\(perMille < 0 ? "-" : "")\(perMille.magnitude / 10).\(perMille.magnitude % 10) %"
    }
}

/// A load for the second phase, in a process group of its own so that all of it ends.
private struct LoadCommand {
    private let process: pid_t

    init?(_ command: String) {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        var arguments = (["/bin/sh", "-c", command] as [String]).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        guard posix_spawn(&process, "/bin/sh", nil, &attributes, &arguments, environ) == 0 else { return nil }
        self.process = process
    }

    func end() {
        kill(-process, SIGTERM)
        waitpid(process, nil, 0)
    }
}
