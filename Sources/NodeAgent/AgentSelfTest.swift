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
    private let sysfsRoot: String
    private let procfsRoot: String

    package init(directory: String, sysfsRoot: String, procfsRoot: String) {
        self.directory = directory
        self.sysfsRoot = sysfsRoot
        self.procfsRoot = procfsRoot
    }

    package func run() async -> [Check] {
        var checks = [disk(), clock(), sensors()]
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
        let text = "\(quality.letter.rawValue), \(bound)"
        // An unsynchronised clock is signed as what it is; measuring works, placing in hours may be off.
        return pass("clock", isKnown ? text : text + "; start chronyd or another NTP client")
    }

    private func sensors() -> Check {
        var sampler = Sampler(sources: NodeSources.all(sysfsRoot: sysfsRoot, procfsRoot: procfsRoot))
        defer { sampler.stop() }
        sampler.read(now: AgentEnvironment.bootNanoseconds())
        let descriptions = sampler.descriptions
        let unreadable = sampler.samples.filter { if case .unreadable = $0.reading.value { true } else { false } }
        guard !descriptions.isEmpty else {
            return fail("sensors", "none; `wattest-agent sensors` says what was looked for")
        }
        guard unreadable.isEmpty else {
            let names = unreadable.map { descriptions[$0.sensor].id }.joined(separator: ", ")
            return fail("sensors", "unreadable: \(names); `wattest-agent sensors` says what to do")
        }
        return pass("sensors", "\(descriptions.count), boundary \(sampler.report.layering.boundary)")
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
