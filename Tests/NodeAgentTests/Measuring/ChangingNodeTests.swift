import Batches
import Energy
import Glibc
import Sensors
import Testing

@testable import NodeAgent

/// A node's powercap tree that changes under a sampler: what is unplugged, added and renamed begins new epochs, and no
/// joule appears that the counters did not count while they were followed.
@Suite struct ChangingNodeTests {
    /// The measuring thread's steps on a tree and a clock that a test moves.
    private struct Node: ~Copyable {
        let directory: String
        var sampler: Sampler
        var session: MeasuringSession
        var absent = AbsentSensors([], isSameBoot: true)
        var discovery = Discovery()
        var now = Moment(nanoseconds: 1_000_000_000_000, utc: UTCTime(seconds: 1_790_000_100))
        var intervals: [MeasuringSession.Interval] = []

        init(_ directory: String) {
            self.directory = directory
            sampler = Sampler(sources: [PowercapSource(sysfsRoot: directory, procfsRoot: directory)])
            let start = now
            session = MeasuringSession(
                settings: .init(intervalSeconds: 30), start: start, now: start,
                tracks: sampler.descriptions.map { SensorTrack($0, at: start.nanoseconds) },
                clock: .init(letter: .unknown, errorMicroseconds: nil),
                usage: NodeUsage(busyMicroseconds: 0, millicores: 1000))
        }

        mutating func tick() {
            now = Moment(
                nanoseconds: now.nanoseconds + 1_000_000_000,
                utc: UTCTime(microseconds: now.utc.microseconds + 1_000_000))
            let usage = NodeUsage(busyMicroseconds: 0, millicores: 1000)
            sampler.read(now: now.nanoseconds)
            for sample in sampler.samples {
                session.take(sample.reading, of: sample.sensor, breaksEpoch: sample.breaksEpoch)
            }
            if session.isDue(at: now) {
                session.advance(to: now, clock: session.clock, usage: usage)
            } else {
                session.pass(to: now, clock: session.clock)
            }
            intervals += session.takeReady(at: now.nanoseconds)
            let print =
                discovery.looksAround(at: now.nanoseconds)
                ? SourceWatch(sysfsRoot: directory).fingerprint() : nil
            if discovery.isDue(
                at: now.nanoseconds, sampler.samples, unreadable: sampler.unreadable, fingerprint: print)
            {
                sampler.rediscover()
            }
            guard sampler.isOutdated else { return }
            session.finish(at: now, usage: usage)
            intervals += session.takeReady(at: .max, force: true)
            let found = sampler.report.layering.sensors.map(\.description)
            var absent = absent
            _ = session.replaceTracks { start, known in
                let tracks = found.map { description in
                    known.first { $0.description.id == description.id }?.changed(to: description, at: start)
                        ?? absent.track(description, at: start)
                }
                absent.lose(known, except: tracks)
                return tracks
            }
            self.absent = absent
            sampler.adopt()
        }

        mutating func end() {
            session.finish(at: now, usage: NodeUsage(busyMicroseconds: 0, millicores: 1000))
            intervals += session.takeReady(at: .max, force: true)
        }

        func energy(_ id: String) -> Int128 {
            intervals.reduce(0) { sum, interval in
                sum + (interval.facts.sensors.first { $0.id == id }?.advanceMicrojoules ?? 0)
            }
        }

        func epochs(_ id: String) -> [Int64] {
            var epochs: [Int64] = []
            for case let sensor? in intervals.map({ $0.facts.sensors.first { $0.id == id } })
            where epochs.last != sensor.epoch { epochs.append(sensor.epoch) }
            return epochs
        }
    }

    private func write(_ path: String, _ text: String) {
        var directory = ""
        for part in path.split(separator: "/").dropLast() {
            directory += "/" + part
            mkdir(directory, 0o755)
        }
        let file = fopen(path, "w")
        fputs(text, file)
        fclose(file)
    }

    private func zone(_ root: String, _ index: Int, _ name: String, _ energy: UInt64) {
        let path = root + "/class/powercap/intel-rapl:\(index)"
        write(path + "/name", name + "\n")
        write(path + "/max_energy_range_uj", "262143328850\n")
        write(path + "/energy_uj", "\(energy)\n")
    }

    @Test func unpluggedAddedAndRenamed() throws {
        try ChildProcess.withDirectory { root in
            var energy: [UInt64] = [1_000_000, 900_000_000_000 % 262_143_328_850]
            zone(root, 0, "package-0", energy[0])
            zone(root, 1, "package-1", energy[1])
            var node = Node(root)
            func run(_ seconds: Int, zones: [Int]) {
                for _ in 0..<seconds {
                    for zone in zones {
                        energy[zone] += 100_000_000
                        write(root + "/class/powercap/intel-rapl:\(zone)/energy_uj", "\(energy[zone])\n")
                    }
                    node.tick()
                }
            }
            run(40, zones: [0, 1])
            // Unplugged: its directory goes.
            ChildProcess.removeTree(root + "/class/powercap/intel-rapl:1")
            run(20, zones: [0])
            #expect(node.session.tracks.map(\.description.id) == ["rapl:package-0"])
            // Back with a counter that is far ahead: not a joule of the difference is believed.
            energy[1] += 77_000_000_000
            zone(root, 1, "package-1", energy[1])
            run(20, zones: [0, 1])
            #expect(node.session.tracks.map(\.description.id) == ["rapl:package-0", "rapl:package-1"])
            // Renamed: the same directory is another zone now.
            write(root + "/class/powercap/intel-rapl:1/name", "package-7\n")
            run(30, zones: [0, 1])
            #expect(node.session.tracks.map(\.description.id) == ["rapl:package-0", "rapl:package-7"])
            node.end()
            // 110 ticks, of which the first reading is no consumption.
            #expect(node.energy("rapl:package-0") == 109 * 100_000_000)
            #expect(node.epochs("rapl:package-0") == [0])
            #expect(node.epochs("rapl:package-1").count == 2 && node.epochs("rapl:package-1").first == 0)
            let counted = node.energy("rapl:package-1") + node.energy("rapl:package-7")
            #expect(counted <= 88 * 100_000_000 && counted >= 70 * 100_000_000)
            for (before, after) in zip(node.intervals, node.intervals.dropFirst()) {
                #expect(before.facts.monotonic?.endNanoseconds == after.facts.monotonic?.startNanoseconds)
                for sensor in after.facts.sensors {
                    guard let earlier = before.facts.sensors.first(where: { $0.id == sensor.id }) else { continue }
                    #expect(earlier.lastMicrojoules == sensor.firstMicrojoules)
                }
            }
        }
    }
}
