import Batches
import Energy
import Glibc
import Synchronization
import Testing

@testable import NodeAgent

/// The whole agent over a powercap tree that changes while it runs: a package is unplugged, comes back with a counter
/// that is far ahead, and gets another name. What is signed and sent equals the plan, to the microjoule.
@Suite struct ChangingTreeTests {
    /// The tree, and what a package was fed while somebody could see it.
    private final class Node: Sendable {
        let root: String
        private let energy = Mutex<[Int: Int64]>([:])
        private static let range: Int64 = 262_143_328_850

        init(_ root: String) { self.root = root }

        private func zone(_ index: Int) -> String { root + "/class/powercap/intel-rapl:\(index)" }

        private func write(_ path: String, _ text: String) {
            var directory = ""
            for part in path.split(separator: "/").dropLast() {
                directory += "/" + part
                mkdir(directory, 0o755)
            }
            // As the kernel would: no reader sees half of a number.
            let file = open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            _ = Glibc.write(file, text, text.utf8.count)
            close(file)
            _ = Glibc.rename(path + ".new", path)
        }

        func plug(_ index: Int, _ name: String, at microjoules: Int64) {
            energy.withLock { $0[index] = microjoules }
            write(zone(index) + "/energy_uj", "\(microjoules)\n")
            write(zone(index) + "/max_energy_range_uj", "\(Self.range)\n")
            write(zone(index) + "/name", name + "\n")
        }

        func unplug(_ index: Int) { ChildProcess.removeTree(zone(index)) }
        func rename(_ index: Int, _ name: String) { write(zone(index) + "/name", name + "\n") }

        func feed(_ index: Int, _ microjoules: Int64) {
            let value = energy.withLock { energy in
                energy[index, default: 0] += microjoules
                if let value = energy[index], value > Self.range { energy[index] = value - Self.range }
                return energy[index] ?? 0
            }
            write(zone(index) + "/energy_uj", "\(value)\n")
        }
    }

    /// What the log holds of a sensor: energy, and the epochs in the order of the batches.
    private struct Seen {
        var microjoules: Int128 = 0
        var epochs: [Int64] = []
        var isInNewest = false

        init(_ id: String, in batches: [Batch]) {
            for batch in batches {
                let line = batch.facts.sensors.first { $0.id == id }
                isInNewest = line != nil
                guard let line else { continue }
                microjoules += line.advanceMicrojoules
                if epochs.last != line.epoch { epochs.append(line.epoch) }
            }
        }
    }

    /// Steps of the plan: each is done once when its condition holds.
    private struct Step: Sendable {
        var when: @Sendable ([Batch]) -> Bool
        var act: @Sendable (Node) -> Void
    }

    private static let plan: [Step] = {
        @Sendable func energy(_ id: String, _ microjoules: Int128) -> @Sendable ([Batch]) -> Bool {
            { Seen(id, in: $0).microjoules == microjoules && Seen(id, in: $0).isInNewest }
        }
        @Sendable func isGone(_ id: String) -> @Sendable ([Batch]) -> Bool { { !Seen(id, in: $0).isInNewest } }
        return [
            Step(when: { Seen("rapl:package-1", in: $0).isInNewest }) { node in
                node.feed(0, 1_000_000)
                node.feed(1, 2_000_000)
            },
            Step(when: energy("rapl:package-1", 2_000_000)) { $0.unplug(1) },
            // It counts on unseen and comes back 77 kJ ahead.
            Step(when: isGone("rapl:package-1")) { node in
                node.feed(0, 4_000_000)
                node.plug(1, "package-1", at: 77_002_000_000)
            },
            Step(when: { Seen("rapl:package-1", in: $0).isInNewest }) { $0.feed(1, 8_000_000) },
            Step(when: energy("rapl:package-1", 10_000_000)) { $0.rename(1, "package-7") },
            Step(when: { Seen("rapl:package-7", in: $0).isInNewest && isGone("rapl:package-1")($0) }) { node in
                node.feed(0, 16_000_000)
                node.feed(1, 32_000_000)
            },
            Step(when: energy("rapl:package-7", 32_000_000)) { _ in },
        ]
    }()

    @Test(.timeLimit(.minutes(5))) func whatIsUnpluggedAddedAndRenamedEqualsThePlan() async throws {
        try await ChildProcess.withDirectoryAsync { directory in
            let node = Node(directory + "/sys")
            node.plug(0, "package-0", at: 262_143_328_000)
            node.plug(1, "package-1", at: 5_000_000)
            let aggregator = try FakeAggregator()
            let enrolment = try aggregator.enrolment(in: directory)
            try await aggregator.run { address in
                let agent = try LiveAgent(
                    enrolment,
                    configuration: LiveAgent.Configuration(
                        intervalSeconds: 2, socketPath: directory + "/s",
                        sources: NodeSources(sysfsRoot: node.root, procfsRoot: directory + "/proc")),
                    client: { try aggregator.client("n1", address) }, report: { _ in })
                try await agent.run {
                    for step in Self.plan {
                        while !step.when(aggregator.batches) { try? await AgentEnvironment.pause(milliseconds: 50) }
                        step.act(node)
                    }
                }
            }
            let batches = aggregator.batches
            let first = Seen("rapl:package-0", in: batches)
            let second = Seen("rapl:package-1", in: batches)
            let renamed = Seen("rapl:package-7", in: batches)
            // The first counter wraps at once, 850 µJ before its range; the second breaks off and goes on.
            #expect(first.microjoules == 21_000_000 && first.epochs == [0])
            #expect(second.microjoules == 10_000_000 && second.epochs.count == 2)
            #expect(renamed.microjoules == 32_000_000 && renamed.epochs.count == 1)
            #expect(aggregator.state.refusals.isEmpty)
            for (before, after) in zip(batches, batches.dropFirst()) {
                #expect(before.facts.interval.end == after.facts.interval.start)
                for line in after.facts.sensors {
                    guard let earlier = before.facts.sensors.first(where: { $0.id == line.id }) else { continue }
                    #expect(earlier.lastMicrojoules == line.firstMicrojoules)
                }
            }
        }
    }
}
