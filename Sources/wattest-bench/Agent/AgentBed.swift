import Glibc
import Identity

/// The programs that are compared, each in a cgroup of its own, and what they used slice by slice.
struct AgentBed {
    /// One program and its course.
    struct Subject {
        var name: String
        var process: BenchProcess
        var account: CPUAccount?
        var nanoseconds: [UInt64] = []
        var wakeUps: [Int] = []
        var instants: [UInt64] = []
        var resident: [Int] = []
        var anonymous: [Int] = []
        var proportional: [Int] = []
    }

    private let directory: String
    private(set) var subjects: [Subject] = []
    private(set) var absent: [(name: String, reason: String)] = []
    private var exporterPort: UInt16?

    init(directory: String) { self.directory = directory }

    private mutating func start(_ name: String, _ arguments: [String]) throws {
        let account = CPUAccount(name: name)
        let process = try BenchProcess(
            arguments, log: directory + "/\(name).log", groups: [account?.path].compactMap { $0 })
        subjects.append(Subject(name: name, process: process, account: account))
    }

    /// The agent over the fixture, the same agent over nothing, which is what the transport alone costs, and the agent
    /// on a node at work.
    mutating func start(
        _ program: String, _ tree: BenchTree, _ work: BenchWork?, _ log: BenchLog, _ address: NetworkAddress
    ) throws {
        let nothing = directory + "/nothing"
        mkdir(nothing, 0o755)
        let settings = ["nvml-library: \(tree.library)", "slurm-bin: \(nothing)", "hook-dir: \(nothing)", ""]
            .joined(separator: "\n")
        try PrivateFile.write(Array(settings.utf8), to: configuration)
        try start("empty", program, nothing, nothing, log, address)
        try start("agent", program, tree.sysfs, tree.procfs, log, address)
        if let work { try start("busy", program, work.sysfs, "/proc", log, address) }
    }

    private mutating func start(
        _ name: String, _ program: String, _ sysfs: String, _ procfs: String, _ log: BenchLog,
        _ address: NetworkAddress
    ) throws {
        try log.enrol(name, at: address, directory: directory + "/data-\(name)")
        // A copy for each: two agents of one file would share its pages, and each look half as large as it is.
        let copy = directory + "/agent-\(name)"
        guard try BenchProcess(["cp", program, copy]).wait() == 0 else { throw BenchError("\(copy) cannot be written") }
        try start(
            name,
            [
                copy, "run", "--data-dir", directory + "/data-\(name)", "--metrics", "127.0.0.1:0",
                "--sysfs-root", sysfs, "--procfs-root", procfs,
            ] + (name == "empty" ? [] : ["--config", configuration]))
    }

    private var configuration: String { directory + "/agent.yaml" }

    mutating func start(nodeExporter program: String) throws {
        guard access(program, X_OK) == 0 else {
            return absent.append(("node-exporter", "\(program) is not there; apt-get install prometheus-node-exporter"))
        }
        guard let port = Self.freePort() else { return absent.append(("node-exporter", "no free port")) }
        exporterPort = port
        try start("node-exporter", [program, "--web.listen-address=127.0.0.1:\(port)"])
    }

    mutating func start(codecarbon python: String) throws {
        let probe = try? BenchProcess([python, "-c", "import codecarbon"])
        guard probe?.wait() == 0 else {
            return absent.append(("codecarbon", "\(python) has no codecarbon; pip install codecarbon"))
        }
        let script = """
            import time
            from codecarbon import OfflineEmissionsTracker
            t = OfflineEmissionsTracker(country_iso_code="FRA", measure_power_secs=1, log_level="error",
                                        save_to_file=False, allow_multiple_runs=True)
            t.start()
            while True: time.sleep(3600)
            """
        try start("codecarbon", [python, "-c", script])
    }

    // MARK: Measuring

    /// Asks the exporter once, as a Prometheus with a period of a second does.
    func scrape() {
        guard let exporterPort else { return }
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard number >= 0 else { return }
        defer { close(number) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = exporterPort.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isOpen = withUnsafeBytes(of: &address) { bytes in
            connect(number, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
        }
        guard isOpen else { return }
        let request = Array("GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".utf8)
        _ = send(number, request, request.count, Int32(MSG_NOSIGNAL))
        var buffer = [UInt8](repeating: 0, count: 65536)
        while recv(number, &buffer, buffer.count, 0) > 0 {}
    }

    mutating func begin() { endSlice() }

    /// Looks at everybody's memory; the largest of all looks counts.
    mutating func look() {
        for index in subjects.indices {
            let memory = ProcessFile.memory(of: subjects[index].process.id)
            subjects[index].resident.append(memory.resident)
            subjects[index].anonymous.append(memory.anonymous)
            subjects[index].proportional.append(memory.proportional)
        }
    }

    mutating func endSlice() {
        for index in subjects.indices {
            let id = subjects[index].process.id
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            subjects[index].instants.append(UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec))
            subjects[index].nanoseconds.append(subjects[index].account?.nanoseconds ?? 0)
            subjects[index].wakeUps.append(ProcessFile.wakeUps(of: id))
        }
    }

    func report(entries: Int, program: String) throws -> AgentBenchReport {
        for subject in subjects where !subject.process.isRunning {
            let text = ProcessFile.text(directory + "/\(subject.name).log")
            throw BenchError("\(subject.name) ended during the run: \(text.suffix(300))")
        }
        guard subjects.allSatisfy({ $0.account != nil }) else {
            throw BenchError("no cgroup can be made for the accounts of CPU time; run as root or in a delegated cgroup")
        }
        return AgentBenchReport(subjects: subjects, absent: absent, entries: entries, program: program)
    }

    mutating func end() {
        for subject in subjects {
            subject.process.end()
            subject.account?.remove()
        }
        subjects = []
    }

    private static func freePort() -> UInt16? {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutableBytes(of: &address) { bytes in
            let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard bind(number, pointer, length) == 0, getsockname(number, pointer, &length) == 0 else { return nil }
            return UInt16(bigEndian: bytes.load(as: sockaddr_in.self).sin_port)
        }
    }
}
