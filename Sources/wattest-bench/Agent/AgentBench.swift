import ArgumentParser
import Glibc
import JSONText

/// What the agent costs a node, beside a metrics exporter and a Python tracker in the same run: CPU, memory, wake-ups.
///
/// Every program runs all the time, in a cgroup of its own. CPU is that of the whole run; the ratio is taken in each
/// slice and the median printed. A slice is as long as a batch, so that each holds one.
struct AgentBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Cost of the agent at 1 Hz over 13 sensors, beside prometheus-node-exporter and codecarbon.")

    @Option(help: "Seconds that are measured.") var seconds = 150
    @Option(help: "Seconds before, in which everything starts.") var warmUp = 15
    @Option(help: "Slices, five at least.") var slices = 5
    @Option(help: "The agent: a static, stripped release build. Default: beside this program.") var agent: String?
    @Option(name: .customLong("node-exporter"), help: "prometheus-node-exporter.")
    var nodeExporter = "/usr/bin/prometheus-node-exporter"
    @Option(help: "A Python that has codecarbon; default: $WATTEST_PYTHON, else python3.") var python: String?
    @Option(help: "Processes at work in the jobs of a second agent's node; 0 leaves it out.") var processes = 0
    @Option(help: "Jobs that they run in, each a control group in the form of Slurm.") var cgroups = 50
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        guard slices >= 5, seconds >= slices, warmUp >= 0 else {
            throw BenchError("--slices is 5 at least, --seconds no less than the slices")
        }
        guard (0...5000).contains(processes), (1...200).contains(cgroups) else {
            throw BenchError("--processes is 0 to 5000, --cgroups 1 to 200")
        }
        let program = agent ?? Self.beside("wattest-agent")
        guard access(program, X_OK) == 0 else { throw BenchError("\(program) cannot be run; give --agent PATH") }
        var template = Array("/tmp/wattest-bench-XXXXXX".utf8CString)
        let directory = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        defer { Cleaning.remove(directory) }
        let (seconds, warmUp, slices, json) = (seconds, warmUp, slices, json)
        let (nodeExporter, processes, cgroups) = (nodeExporter, processes, cgroups)
        let python = python ?? getenv("WATTEST_PYTHON").map { String(cString: $0) } ?? "python3"
        let log = try BenchLog()
        let text = try await log.run { address in
            let tree = try BenchTree(directory)
            var bed = AgentBed(directory: directory)
            defer { bed.end() }
            let work = processes > 0 ? try BenchWork(directory, tree, processes: processes, groups: cgroups) : nil
            defer { work?.end() }
            try bed.start(program, tree, work, log, address)
            try bed.start(nodeExporter: nodeExporter)
            try bed.start(codecarbon: python)
            var second = 0
            func pass(_ count: Int, isMeasured: Bool = true) async throws {
                for _ in 0..<count {
                    second += 1
                    try tree.move(second: second)
                    bed.scrape()
                    try await Task.sleep(for: .seconds(1))
                    if isMeasured { bed.look() }
                }
            }
            try await pass(warmUp, isMeasured: false)
            let sent = log.entries
            bed.begin()
            for slice in 0..<slices {
                try await pass(seconds * (slice + 1) / slices - seconds * slice / slices)
                bed.endSlice()
            }
            let report = try bed.report(entries: log.entries - sent, program: program)
            return json ? report.json.text(.compact) : report.text
        }
        print(text)
    }

    private static func beside(_ name: String) -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (path.split(separator: "/").dropLast() + [Substring(name)]).reduce("") { $0 + "/" + $1 }
    }
}
