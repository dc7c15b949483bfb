import Energy
package import Sensors
package import Workloads

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Which sensor measures which accelerator of a scheduler.
package enum DeviceSensors {
    /// - Parameter numbers: GPU name by the number of its device file.
    package static func map(_ placed: [Layering.Placed], numbers: [Int: String]) -> [DeviceReference: String] {
        var map: [DeviceReference: String] = [:]
        for sensor in placed where sensor.description.layer == .gpu {
            let id = sensor.description.id
            if case .accelerator(let number) = sensor.found.part { map[.number(number)] = id }
            // `nvml:GPU-…`: the identity stands behind the source's name.
            if let colon = id.firstIndex(of: ":") { map[.identity(String(id[id.index(after: colon)...]))] = id }
        }
        for (number, identity) in numbers {
            if let id = map[.identity(identity)] { map[.number(number)] = id }
        }
        return map
    }
}

/// What the kernel calls this host.
enum NodeName {
    static func host() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
