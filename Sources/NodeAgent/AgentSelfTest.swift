import Batches
import Energy
import Sensors
import TransparencyLog
import Wire

/// Tries what an agent needs, without leaving anything behind.
package struct AgentSelfTest: Sendable {
    package struct Check: Sendable, Hashable {
        package var name: String
        package var isPassed: Bool
        package var detail: String
    }

    private let directory: String
    private let sources: NodeSources
    private let trial: Trial

    /// How the GPUs' counters are compared with their power.
    package struct Trial: Sendable {
        /// Seconds of each phase; 0 leaves the comparison out.
        package var idleSeconds: Int64
        package var loadSeconds: Int64
        /// Run through /bin/sh during the second phase and ended after it; nil measures what runs anyway.
        package var loadCommand: String?

        package init(idleSeconds: Int64, loadSeconds: Int64, loadCommand: String?) {
            self.idleSeconds = idleSeconds
            self.loadSeconds = loadSeconds
            self.loadCommand = loadCommand
        }
    }

    package init(directory: String, sources: NodeSources, trial: Trial) {
        self.directory = directory
        self.sources = sources
        self.trial = trial
    }

    package func run() async -> [Check] {
        var checks = [disk(), clock(), sensors()] + GPUTrial(sources: sources, trial: trial).run()
        do {
            let enrolment = try Enrolment(directory: directory)
            checks.append(pass("enrolment", "\(enrolment.node) in \(enrolment.log)"))
            checks.append(await aggregator(enrolment))
        } catch {
            checks.append(fail("enrolment", "\(error)"))
        }
        return checks
    }

    private func pass(_ name: String, _ detail: String) -> Check { Check(name: name, isPassed: true, detail: detail) }
    private func fail(_ name: String, _ detail: String) -> Check { Check(name: name, isPassed: false, detail: detail) }

    private func disk() -> Check {
        let path = directory + "/self-test"
        do {
            let began = AgentEnvironment.bootNanoseconds()
            try DurableFile.replace(path, with: [UInt8](repeating: 7, count: 4096))
            try DurableFile.syncDirectory(directory)
            let spent = (AgentEnvironment.bootNanoseconds() - began) / 1000
            try DurableFile.delete(path)
            return pass("disk", "a batch is durable in \(spent) µs")
        } catch {
            return fail("disk", "\(error)")
        }
    }

    private func clock() -> Check {
        let quality = NodeClock.quality()
        let bound = quality.errorMicroseconds.map { "within \($0) µs" } ?? "error unknown"
        let isKnown = quality.letter == .synchronised || quality.letter == .informative
        let state =
            switch quality.letter {
            case .synchronised: "synchronised"
            case .informative: "synchronised loosely"
            case .relative: "not synchronised"
            case .unknown: "state unknown"
            }
        let text = "\(state) (\(quality.letter.rawValue)), \(bound)"
        // An unsynchronised clock is signed as what it is; measuring works, placing in hours may be off.
        return pass("clock", isKnown ? text : text + "; start chronyd or another NTP client")
    }

    private func sensors() -> Check {
        let layering = sources.survey().layering
        let unreadable = layering.sensors.filter { !$0.found.access.isReadable }
        guard !layering.sensors.isEmpty else {
            return fail("sensors", "none; `wattest-agent sensors` says what was looked for")
        }
        guard unreadable.isEmpty else {
            let names = unreadable.map(\.description.id).joined(separator: ", ")
            return fail("sensors", "unreadable: \(names); `wattest-agent sensors` says what to do")
        }
        let measured = layering.sensors.filter { $0.description.provenance != .estimated }
        let counts = "\(layering.sensors.count), boundary \(layering.boundary)"
        return pass(
            "sensors",
            measured.isEmpty ? counts + "; nothing is measured, all is estimated: see `wattest-agent sensors`" : counts)
    }

    private func aggregator(_ enrolment: Enrolment) async -> Check {
        do {
            let chain = ChainReference(
                log: enrolment.log, node: enrolment.node, incarnation: UInt64(clamping: enrolment.incarnation))
            let hello = AgentHello(
                log: enrolment.log, node: enrolment.node, agentVersion: AgentVersion.text, chains: [chain])
            let heads = try await CertificateKeeper(enrolment).client().withStream { messages, writer in
                try await writer.send(.hello(hello))
                for try await message in messages {
                    if case .heads(let heads) = message { return heads.count }
                }
                return 0
            }
            return pass("aggregator", "\(enrolment.ingest) knows \(heads) chains of this node")
        } catch {
            return fail("aggregator", "\(error)")
        }
    }
}
