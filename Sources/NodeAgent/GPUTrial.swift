import Energy
import Sensors

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
            let command = phase == "load" ? trial.loadCommand : nil
            let load = command.flatMap { LoadCommand($0) }
            let result = counter.run(phase: phase, seconds: seconds)
            let outcome = load?.end()
            switch result {
            case .success(let courses): checks += courses.map(Self.check)
            case .failure(let failure):
                return [.init(name: "gpu", isPassed: failure.reason == .gone, detail: "none: \(failure.text)")]
            }
            if command != nil { checks.append(Self.check(outcome)) }
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

    /// A phase whose load failed measured idle boards, whatever their counters say.
    static func check(_ load: LoadCommand.Outcome?) -> AgentSelfTest.Check {
        let (isPassed, detail) =
            switch load {
            case nil: (false, "cannot be started: the phase was measured without load")
            case .ran: (true, "ran to the end of the phase")
            case .over(status: 0): (true, "ended by itself before the phase did: its rest was measured without load")
            case .over(let status):
                (false, "ended with status \(status) before the phase did: it was measured without load")
            }
        return AgentSelfTest.Check(name: "gpu load", isPassed: isPassed, detail: "the command of --gpu-load " + detail)
    }

    private static func percent(_ perMille: Int64) -> String {
        "\(perMille < 0 ? "-" : "")\(perMille.magnitude / 10).\(perMille.magnitude % 10) %"
    }
}
