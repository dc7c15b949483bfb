/// The first line of /proc/stat (Documentation/filesystems/proc.rst): CPU time of all processors since boot, in ticks.
package struct CPUTimes: Sendable, Hashable {
    /// user, nice, system, irq and softirq. Guest time is part of user; idle, iowait and stolen time are not busy.
    package var busyTicks: UInt64

    /// - Returns: nil when the bytes do not begin with a whole `cpu` line.
    package init?(stat bytes: some Collection<UInt8>) {
        var busy: UInt64 = 0
        var field = -1
        var value: UInt64?
        var position = 0
        let name: StaticString = "cpu "
        for byte in bytes {
            defer { position += 1 }
            if position < name.utf8CodeUnitCount {
                guard byte == name.utf8Start[position] else { return nil }
                continue
            }
            if (48...57).contains(byte) {
                let (product, large) = (value ?? 0).multipliedReportingOverflow(by: 10)
                let (sum, over) = product.addingReportingOverflow(UInt64(byte - 48))
                guard !large, !over else { return nil }
                value = sum
                continue
            }
            guard byte == 32 || byte == 10 else { return nil }
            if let known = value {
                field += 1
                value = nil
                if CPUTimes.isBusy(field: field) {
                    let (sum, overflow) = busy.addingReportingOverflow(known)
                    guard !overflow else { return nil }
                    busy = sum
                }
            }
            if byte == 10 {
                guard field >= 6 else { return nil }
                busyTicks = busy
                return
            }
        }
        return nil
    }

    /// Fields: user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice.
    private static func isBusy(field: Int) -> Bool { field <= 2 || field == 5 || field == 6 }

    /// The number of processors online: the lines `cpuN`.
    package static func processors(stat bytes: [UInt8]) -> Int {
        LogLines(bytes).count { _, line in
            line.hasPrefix("cpu") && line.dropFirst(3).first.map { (48...57).contains($0) } == true
        }
    }
}
