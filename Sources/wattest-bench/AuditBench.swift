import ArgumentParser
import JSONText
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The auditor's program on a bundle of standard batches. The limit is the rate at which one core verifies the very
/// same signatures and does nothing else: an audit does that, and reads, hashes, parses, chains, posts and sums beside.
struct AuditBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Batches per second and core through wattest-audit, against raw Ed25519 verification.",
        discussion: "It runs the wattest-audit that lies beside it.")

    @Option(help: "Batches in the bundle.") var batches = 20_000
    @Option(help: "Nodes that signed them.") var nodes = 100
    @Option(help: "Audits of each kind, every one in turns with raw verification.") var slices = 5
    @Option(help: "Batches of a second, large bundle that is audited once for its memory; 0 for none.") var large = 0
    @Option(help: "Where bundles are written.") var directory = "/tmp"
    @Flag(help: "Print one JSON object.") var json = false

    struct Slice {
        /// By processor time of one core.
        var audit: [Double] = []
        var verification: [Double] = []
        var peakBytes = 0

        var ratios: [Double] { zip(audit, verification).map { $0 / $1 } }
    }

    func run() async throws {
        guard batches > 0, nodes > 0, slices > 0, large >= 0 else {
            throw ValidationError("--batches, --nodes and --slices are above 0")
        }
        let place = "\(directory)/wattest-bench-\(getpid())"
        mkdir(place, 0o755)
        defer { Cleaning.remove(place) }
        var without = try BundleOnDisk(directory: "\(place)/headers", batches: batches, nodes: nodes)
        try await without.make(withSamples: false)
        var with = try BundleOnDisk(directory: "\(place)/samples", batches: batches, nodes: nodes)
        try await with.make(withSamples: true)
        // On one core, because two of a virtual machine need not be equally fast.
        let headers = try OneCore.run { try measure(without) }
        let samples = try OneCore.run { try measure(with) }
        Cleaning.remove(with.directory)
        Cleaning.remove(without.directory)
        report(headers, samples, large > 0 ? try await measureLarge("\(place)/large") : nil)
    }

    /// A bundle that is far larger than memory ought to be: audited once, on all cores.
    private func measureLarge(_ directory: String) async throws -> Large {
        var bundle = try BundleOnDisk(directory: directory, batches: large, nodes: max(nodes, 1000))
        try await bundle.make(withSamples: false)
        var raw = RawVerification(try bundle.signed(count: 5000))
        let usage = try AuditProcess.run(bundle, workers: nil, inTurnsWith: &raw)
        return Large(usage: usage, verification: raw.rate)
    }

    struct Large {
        var usage: AuditProcess.Usage
        var verification: Double

        func rate(_ batches: Int) -> Double { Double(batches) / usage.processorSeconds }
    }

    private func measure(_ bundle: BundleOnDisk) throws -> Slice {
        let signed = try bundle.signed(count: min(batches, 5000))
        var slice = Slice()
        // The first one warms the page cache and is not counted.
        for number in 0...slices {
            var raw = RawVerification(signed)
            let usage = try AuditProcess.run(bundle, workers: 1, inTurnsWith: &raw)
            guard number > 0 else { continue }
            slice.verification.append(raw.rate)
            slice.audit.append(Double(batches) / usage.processorSeconds)
            slice.peakBytes = max(slice.peakBytes, usage.peakBytes)
        }
        return slice
    }

    private func report(_ headers: Slice, _ samples: Slice, _ peak: Large?) {
        if json {
            var object = JSONObject()
            for (name, slice) in [("without_samples", headers), ("with_samples", samples)] {
                object.append(name, Self.json(slice))
            }
            object.append("batches", .integer(batches))
            object.append("slices", .integer(slices))
            if let peak {
                object.append(
                    "large",
                    [
                        "batches": .integer(large), "peak_bytes": .integer(peak.usage.peakBytes),
                        "seconds": Figures.number(peak.usage.seconds),
                        "processor_seconds": Figures.number(peak.usage.processorSeconds),
                        "batches_per_second_per_core": .integer(Int(peak.rate(large))),
                        "verifications_per_second": .integer(Int(peak.verification)),
                        "ratio": Figures.number(peak.rate(large) / peak.verification),
                    ])
            }
            return print(JSONValue.object(object).text(.compact))
        }
        print(Self.text("without sample blocks", headers), Self.text("with sample blocks   ", samples), separator: "\n")
        if let peak {
            print(
                "\(large) batches  \(peak.usage.peakBytes >> 20) MiB at the peak, \(Figures.two(peak.usage.seconds)) s "
                    + "on all cores, \(Int(peak.rate(large))) batches/s and core, ratio "
                    + Figures.two(peak.rate(large) / peak.verification))
        }
    }

    private static func json(_ slice: Slice) -> JSONValue {
        [
            "batches_per_second_per_core": .integer(Int(Figures.median(slice.audit))),
            "verifications_per_second": .integer(Int(Figures.median(slice.verification))),
            "ratio": Figures.number(Figures.median(slice.ratios)),
            "ratio_min": Figures.number(slice.ratios.min() ?? 0),
            "ratio_max": Figures.number(slice.ratios.max() ?? 0), "peak_bytes": .integer(slice.peakBytes),
        ]
    }

    private static func text(_ name: String, _ slice: Slice) -> String {
        "\(name)  \(Int(Figures.median(slice.audit))) batches/s and core; Ed25519 alone "
            + "\(Int(Figures.median(slice.verification)))/s; ratio \(Figures.two(Figures.median(slice.ratios))) "
            + "(\(Figures.two(slice.ratios.min() ?? 0)) to \(Figures.two(slice.ratios.max() ?? 0)) over "
            + "\(slice.ratios.count) slices); peak \(slice.peakBytes >> 20) MiB"
    }
}

/// One core that verifies the signatures of a bundle and does nothing else.
struct RawVerification {
    private let signed: [(note: SignedNote, key: VerifierKey)]
    private var next = 0
    private var count = 0
    private var seconds = 0.0

    init(_ signed: [(note: SignedNote, key: VerifierKey)]) { self.signed = signed }

    /// Signatures a second of processor time.
    var rate: Double { seconds > 0 ? Double(count) / seconds : 0 }

    /// Verifies until its turn is over.
    mutating func turn(seconds length: Double) throws {
        let begin = Figures.threadSeconds()
        var taken = 0.0
        repeat {
            for _ in 0..<8 {
                let (note, key) = signed[next]
                guard let signature = note.signatures.first, key.isValidSignature(signature, for: note.text) else {
                    throw BenchError("a signature of the bundle is not valid")
                }
                next = (next + 1) % signed.count
                count += 1
            }
            taken = Figures.threadSeconds() - begin
        } while taken < length
        seconds += taken
    }
}

/// `wattest-audit verify` as a child, with what it cost.
enum AuditProcess {
    struct Usage {
        var seconds: Double
        var processorSeconds: Double
        var peakBytes: Int
    }

    /// A machine that others use too is half as fast in one second as in the next: turns are so short that both see
    /// the same one, and so long that what a turn finds cold does not count.
    private static let turnSeconds = 0.01

    /// Runs it in turns with raw verification: while one works, the other stands still.
    static func run(_ bundle: BundleOnDisk, workers: Int?, inTurnsWith raw: inout RawVerification) throws -> Usage {
        var arguments = [try program(), "verify", bundle.directory, "--policy", bundle.policyPath, "--json"]
        if let workers { arguments += ["--workers", "\(workers)"] }
        let begin = ContinuousClock.now
        let child = try start(arguments)
        var status: Int32 = 0
        var usage = rusage()
        var ended: pid_t = 0
        var stood: Duration = .zero
        while true {
            // The audit's turn, on the core of this thread.
            var turn = timespec(tv_sec: 0, tv_nsec: Int(turnSeconds * 1e9))
            nanosleep(&turn, nil)
            kill(child, SIGSTOP)
            ended = wait4(child, &status, WUNTRACED, &usage)
            // A child that stands still has 0x7F there; every other one has ended.
            guard ended == child, status & 0xFF == 0x7F else { break }
            let stop = ContinuousClock.now
            do {
                try raw.turn(seconds: turnSeconds)
            } catch {
                kill(child, SIGKILL)
                wait4(child, &status, 0, &usage)
                throw error
            }
            kill(child, SIGCONT)
            stood += ContinuousClock.now - stop
        }
        // It may have ended within its first turn.
        if raw.rate == 0 { try raw.turn(seconds: turnSeconds) }
        guard ended == child, status == 0 else {
            throw BenchError("wattest-audit verify refused the bundle, or is broken (status \(status))")
        }
        return Usage(
            seconds: (ContinuousClock.now - begin - stood) / .seconds(1),
            processorSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime), peakBytes: usage.ru_maxrss * 1024)
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    private static func program() throws -> String {
        guard let resolved = realpath("/proc/self/exe", nil) else {
            throw BenchError("/proc/self/exe cannot be read")
        }
        defer { free(resolved) }
        let path = String(cString: resolved)
        let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let program = "\(directory)/wattest-audit"
        guard access(program, X_OK) == 0 else {
            throw BenchError("\(program) is missing: build it with swift build -c release --product wattest-audit")
        }
        return program
    }

    private static func start(_ arguments: [String]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        var child: pid_t = 0
        guard posix_spawn(&child, arguments[0], &actions, nil, pointers, environ) == 0 else {
            throw BenchError("\(arguments[0]) cannot be started")
        }
        return child
    }
}
