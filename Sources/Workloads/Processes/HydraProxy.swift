/// The process that Hydra, the process manager of MPICH, MVAPICH2 and their descendants, has on every node of a job,
/// and that starts the ranks there: `hydra_pmi_proxy --control-port HOST:PORT --rmk user … --proxy-id 0`.
///
/// The address is where the job's mpiexec listens, alike on all of its nodes, and of no other job while that one runs.
/// The port is an ephemeral one: two jobs of one host have the same by chance, some 28,000 to one.
package struct HydraProxy: Sendable, Hashable {
    /// `HOST:PORT` of mpiexec.
    package let control: String

    package var host: String { String(control[..<(control.lastIndex(of: ":") ?? control.endIndex)]) }

    /// - Parameter commandLine: the bytes of /proc/PID/cmdline, NUL between the words.
    /// - Returns: nil when the process is something else, or does not say where its mpiexec is.
    package init?(commandLine: some Collection<UInt8>) {
        let words = commandLine.split(separator: 0).prefix(64).map { String(decoding: $0, as: UTF8.self) }
        guard let program = words.first?.split(separator: "/").last, Self.programs.contains(String(program)),
            let place = words.firstIndex(of: "--control-port"), words.indices.contains(place + 1)
        else { return nil }
        let address = words[place + 1]
        guard let colon = address.lastIndex(of: ":"), colon > address.startIndex, address.utf8.count <= 255,
            let port = DecimalNumber.parse(address[address.index(after: colon)...]), (1...65_535).contains(port)
        else { return nil }
        control = address
    }

    private static let programs: Set<String> = ["hydra_pmi_proxy", "pmi_proxy"]
}
