import Foundation
import Identity
import JSONText
import Patience
import Testing

/// A mount namespace in which a tree of the test's stands for /sys/class, and a user who owns nothing.
private struct PrivateSys {
    let root: String

    private static let unshare = "/usr/bin/unshare"
    private static let setpriv = "/usr/bin/setpriv"
    static let user: uid_t = 65534

    /// Why it cannot be had here; nil where it can.
    static let obstacle: String? = {
        guard geteuid() == 0 else { return "a private /sys needs root" }
        for program in [unshare, setpriv] where access(program, X_OK) != 0 { return "\(program) is not there" }
        var child: pid_t = 0
        let words: [String] = [unshare, "-m", "true"]
        var argv = words.map { strdup($0) } + [nil]
        defer { for pointer in argv { free(pointer) } }
        var status: Int32 = 0
        guard posix_spawn(&child, unshare, nil, nil, &argv, environ) == 0, waitpid(child, &status, 0) == child,
            status == 0, access("/sys/class", F_OK) == 0
        else { return "no mount namespace can be made here" }
        return nil
    }()

    /// As the kernel has it since 5.10: the value is root's alone.
    init(_ root: String) throws {
        self.root = root
        for directory in [zone, root + "/class/hwmon"] {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        try write("name", "package-0\n", mode: 0o444)
        try write("max_energy_range_uj", "262143328850\n", mode: 0o444)
        try feed(0)
    }

    private var zone: String { root + "/class/powercap/intel-rapl:0" }

    func feed(_ microjoules: Int) throws { try write("energy_uj", "\(1_000_000 + microjoules)\n", mode: 0o400) }

    private func write(_ name: String, _ text: String, mode: Int) throws {
        let part = "\(zone)/\(name).part"
        try Data(text.utf8).write(to: URL(fileURLWithPath: part))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: part)
        guard rename(part, "\(zone)/\(name)") == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    /// What becomes the program: with the capabilities of deploy/systemd/wattest-agent.service, or with none.
    func words(isCapable: Bool) -> [String] {
        let capabilities = "+dac_read_search,+perfmon"
        let given = isCapable ? "--inh-caps \(capabilities) --ambient-caps \(capabilities)" : ""
        return [
            Self.unshare, "-m", "--propagation", "private", "/bin/sh", "-c",
            "mount --bind '\(root)/class' /sys/class && exec \(Self.setpriv) --reuid \(Self.user) --regid \(Self.user) "
                + "--clear-groups --no-new-privs --bounding-set -all,\(capabilities) \(given) \"$@\"",
            "sh",
        ]
    }
}

extension ClusterTests {
    /// The agent as the ordinary user of deploy/systemd over a node's own /sys, whose counters are root's.
    @Suite(
        .timeLimit(.minutes(4)),
        .enabled(if: PrivateSys.obstacle == nil, "\(PrivateSys.obstacle ?? "a private /sys can be made")"))
    struct PrivateSysfs {
        private func start(
            _ owner: OrganizationUnderTest, _ tree: PrivateSys, _ node: String, isCapable: Bool, metrics: UInt16
        ) async throws -> ChildProcess {
            _ = try await owner.enrol(node)
            let data = "\(owner.directory)/node-\(node)"
            try give(data)
            let ready = "\(data)/ready"
            let agent = try ChildProcess(
                .agent,
                [
                    "run", "--data-dir", data, "--metrics", "127.0.0.1:\(metrics)", "--interval-seconds", "5",
                    "--socket", "\(data)/agent.sock", "--ready-file", ready,
                ], through: tree.words(isCapable: isCapable), directory: owner.aggregator.directory.path)
            _ = try await Patience.until("the agent's ready file", seconds: 60) {
                if let status = agent.poll() {
                    throw ChildProcess.Failure(description: "the agent ended with \(status): \(agent.errors)")
                }
                return FileManager.default.contents(atPath: ready)
            }
            return agent
        }

        /// Makes the directory and what is in it the user's, and lets that user pass to it.
        private func give(_ directory: String) throws {
            for name in FileManager.default.enumerator(atPath: directory)?.compactMap({ $0 as? String }) ?? [] {
                try #require(chown("\(directory)/\(name)", PrivateSys.user, PrivateSys.user) == 0)
            }
            try #require(chown(directory, PrivateSys.user, PrivateSys.user) == 0)
            chmod(URL(fileURLWithPath: directory).deletingLastPathComponent().path, 0o711)
        }

        private func end(_ agent: ChildProcess) async throws {
            agent.send(SIGTERM)
            let output = try await agent.output(seconds: 60)
            #expect(output.status == 0, "\(output.errors)")
        }

        /// `/metrics` of the agent.
        private func metrics(_ port: UInt16) -> String? {
            let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(number) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let isOpen = withUnsafeBytes(of: &address) { bytes in
                connect(
                    number, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
            }
            guard isOpen else { return nil }
            let request = Array("GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".utf8)
            _ = send(number, request, request.count, Int32(MSG_NOSIGNAL))
            var text: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = recv(number, &buffer, buffer.count, 0)
                guard count > 0 else { return String(decoding: text, as: UTF8.self) }
                text += buffer[..<count]
            }
        }

        private func threads(of process: pid_t) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").map { thread in
                try String(contentsOfFile: "/proc/\(process)/task/\(thread)/comm", encoding: .utf8)
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }
        }

        private var freePort: UInt16 {
            get throws { try MeterUnderTest(.init(cords: [], shelf: 0)).port }
        }

        private var period: (String, String) {
            let hour = Int(Date().timeIntervalSince1970) / 3600
            let style = Date.ISO8601FormatStyle()
            return (
                Date(timeIntervalSince1970: Double(hour - 1) * 3600).formatted(style),
                Date(timeIntervalSince1970: Double(hour + 1) * 3600).formatted(style)
            )
        }

        @Test func theDocumentedCapabilitiesAreEnough() async throws {
            let owner = try await AggregatorUnderTest.current.organization("Capable")
            let tree = try PrivateSys("\(owner.directory)/sys")
            let port = try freePort
            let agent = try await start(owner, tree, "capable-1", isCapable: true, metrics: port)
            // Nothing of root is left to it: two capabilities, and the user's own number.
            let status = try String(contentsOfFile: "/proc/\(agent.pid)/status", encoding: .utf8)
            #expect(status.contains("CapEff:\t0000004000000004") && status.contains("CapBnd:\t0000004000000004"))
            #expect(status.contains("Uid:\t\(PrivateSys.user)\t\(PrivateSys.user)"))
            let state = "wattest_sensor_state{sensor=\"rapl:package-0\",layer=\"package\",state=\"ok\"} 1"
            _ = try await Patience.until("the state of the package") {
                metrics(port)?.contains(state) == true ? true : nil
            }
            try await Task.sleep(for: .milliseconds(2500))
            try tree.feed(123_456_789)
            try await Task.sleep(for: .milliseconds(2500))
            // Once the dispatch library has a thread of a pool, it wakes every second for as long as the agent lives.
            let threads = try threads(of: agent.pid)
            #expect(!threads.isEmpty && !threads.contains { $0.hasSuffix("-qos") || $0.hasSuffix("overcommit") })
            try await end(agent)
            let (from, to) = period
            let report = try await owner.disclosure(from: from, to: to)
            #expect(report["energy"]?["it_uj"]?.decimalString == 123_456_789)
        }

        @Test func withoutThemWhatItCannotReadIsAState() async throws {
            let owner = try await AggregatorUnderTest.current.organization("Incapable")
            let tree = try PrivateSys("\(owner.directory)/sys")
            let port = try freePort
            let agent = try await start(owner, tree, "incapable-1", isCapable: false, metrics: port)
            let state = "wattest_sensor_state{sensor=\"rapl:package-0\",layer=\"package\",state=\"denied\"} 1"
            _ = try await Patience.until("the state of the package") {
                metrics(port)?.contains(state) == true ? true : nil
            }
            try tree.feed(99_000_000)
            try await Task.sleep(for: .milliseconds(2500))
            try await end(agent)
            let listing = try await ChildProcess(
                .agent, ["sensors"], through: tree.words(isCapable: false), directory: owner.aggregator.directory.path
            ).output()
            #expect(listing.status == 0 && listing.text.contains("rapl:package-0: denied: /sys/class/powercap"))
            #expect(listing.text.contains("CAP_DAC_READ_SEARCH"), "\(listing.text)")
            let (from, to) = period
            let bundle = try await owner.evidence(from: from, to: to)
            var lines: [Substring] = []
            for file in FileManager.default.enumerator(atPath: bundle)?.compactMap({ $0 as? String }) ?? [] {
                let bytes = FileManager.default.contents(atPath: "\(bundle)/\(file)") ?? Data()
                lines += String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            }
            let signed = lines.filter { $0.contains("rapl:package-0 ") }
            #expect(!signed.isEmpty && signed.allSatisfy { $0.contains("denied") }, "\(signed)")
        }
    }
}
