import CNVML
import Energy

/// Who works on which NVIDIA GPU: processes with a context, how busy each kept the board, and the instances into which
/// MIG divides it. It makes no energy; it tells a job's share where several hold a board, and whose a board is where
/// nobody else says. No profiling: the driver keeps these figures anyway (nvml.h).
package struct NVMLWork: Sendable {
    package struct Board: Sendable, Hashable {
        package var uuid: String
        /// Process ids in the driver's namespace.
        package var processes: [Int32]
        /// Per cent of the board's multiprocessors, summed over the driver's samples since the look before, by process.
        /// Empty where the driver measures none: in MIG mode, on old boards, in containers without permission.
        package var busy: [Int32: Int64]
        package var instances: [Instance]

        package init(uuid: String, processes: [Int32] = [], busy: [Int32: Int64] = [:], instances: [Instance] = []) {
            self.uuid = uuid
            self.processes = processes
            self.busy = busy
            self.instances = instances
        }
    }

    /// A MIG instance: its part of the board is fixed while it exists.
    package struct Instance: Sendable, Hashable {
        package var uuid: String
        package var multiprocessors: Int64

        package init(uuid: String, multiprocessors: Int64) {
            self.uuid = uuid
            self.multiprocessors = multiprocessors
        }
    }

    private let libraryPath: String
    private var library: NVMLLibrary?
    private var calls: NVMLWorkCalls?
    /// The driver's time of the newest sample seen, by board.
    private var newest: [String: UInt64] = [:]

    package init(libraryPath: String = "libnvidia-ml.so.1") { self.libraryPath = libraryPath }

    /// Asks for every board; a library that is not there, or has lost its driver, gives none.
    package mutating func look() -> [Board] {
        guard let library = opened(), let calls else { return [] }
        var count: UInt32 = 0
        let code = library.deviceCount(&count)
        guard code == 0 else {
            if NVMLStatus.needsInitialisation(code) { self.library = nil }
            return []
        }
        return (0..<min(count, 64)).compactMap { index in
            var pointer: UnsafeMutableRawPointer?
            guard library.deviceByIndex(index, &pointer) == 0 else { return nil }
            let device = DeviceHandle(pointer)
            guard case .success(let uuid) = library.text(library.uuid, device), !uuid.isEmpty else { return nil }
            var board = Board(uuid: uuid, processes: calls.processes(on: device))
            board.instances = calls.instances(of: device, library)
            board.busy = busy(uuid, device, calls)
            return board
        }
    }

    private mutating func opened() -> NVMLLibrary? {
        if let library { return library }
        guard let loaded = LoadedLibrary(path: libraryPath), let fresh = NVMLLibrary(loaded), fresh.initialise() == 0
        else { return nil }
        library = fresh
        calls = NVMLWorkCalls(loaded)
        return fresh
    }

    private mutating func busy(_ uuid: String, _ device: DeviceHandle, _ calls: NVMLWorkCalls) -> [Int32: Int64] {
        let since = newest[uuid] ?? 0
        var busy: [Int32: Int64] = [:]
        for sample in calls.utilisation(of: device, since: since) where sample.timestamp_us > since {
            newest[uuid] = max(newest[uuid] ?? 0, sample.timestamp_us)
            // Some drivers fill what they do not know with ones.
            guard sample.multiprocessors <= 100, let process = Int32(exactly: sample.process) else { continue }
            busy[process, default: 0] += Int64(sample.multiprocessors)
        }
        return busy
    }
}

/// The calls for it; each may be missing from an older driver.
private struct NVMLWorkCalls: Sendable {
    typealias Processes =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<wattest_nvml_process>?
        ) -> UInt32
    typealias Utilisation =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafeMutablePointer<wattest_nvml_utilisation>?, UnsafeMutablePointer<UInt32>?,
            UInt64
        ) -> UInt32
    typealias Instance =
        @convention(c) (
            UnsafeMutableRawPointer?, UInt32, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> UInt32
    typealias Attributes =
        @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<wattest_nvml_attributes>?) -> UInt32

    private let running: Processes?
    private let used: Utilisation?
    private let instanceCount: NVMLLibrary.DeviceInt?
    private let instance: Instance?
    private let attributes: Attributes?

    init(_ library: LoadedLibrary) {
        running = library.function("nvmlDeviceGetComputeRunningProcesses_v3", as: Processes.self)
        used = library.function("nvmlDeviceGetProcessUtilization", as: Utilisation.self)
        instanceCount = library.function("nvmlDeviceGetMaxMigDeviceCount", as: NVMLLibrary.DeviceInt.self)
        instance = library.function("nvmlDeviceGetMigDeviceHandleByIndex", as: Instance.self)
        attributes = library.function("nvmlDeviceGetAttributes_v2", as: Attributes.self)
    }

    private static let insufficientSize: UInt32 = 7
    private static let maximumAnswers: UInt32 = 4096

    /// Calls with room for a usual number of answers, and once more with the room that the driver asks for.
    private static func list<Element>(
        _ empty: Element, _ call: (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<Element>) -> UInt32
    ) -> [Element] {
        var room: UInt32 = 128
        for _ in 0..<2 {
            var answers = [Element](repeating: empty, count: Int(room))
            var count = room
            let code = answers.withUnsafeMutableBufferPointer { call(&count, $0.baseAddress!) }
            if code == 0 { return Array(answers.prefix(Int(min(count, room)))) }
            guard code == insufficientSize, count > room else { return [] }
            room = min(maximumAnswers, count + 16)
        }
        return []
    }

    func processes(on device: DeviceHandle) -> [Int32] {
        guard let running else { return [] }
        let found = Self.list(wattest_nvml_process()) { running(device.pointer, $0, $1) }
        return Array(Set(found.compactMap { Int32(exactly: $0.process) })).filter { $0 > 0 }.sorted()
    }

    func utilisation(of device: DeviceHandle, since: UInt64) -> [wattest_nvml_utilisation] {
        guard let used else { return [] }
        return Self.list(wattest_nvml_utilisation()) { used(device.pointer, $1, $0, since) }
    }

    func instances(of device: DeviceHandle, _ library: NVMLLibrary) -> [NVMLWork.Instance] {
        var count: UInt32 = 0
        guard let instanceCount, let instance, let attributes, instanceCount(device.pointer, &count) == 0 else {
            return []
        }
        return (0..<min(count, 16)).compactMap { index in
            var pointer: UnsafeMutableRawPointer?
            var facts = wattest_nvml_attributes()
            guard instance(device.pointer, index, &pointer) == 0, attributes(pointer, &facts) == 0,
                case .success(let uuid) = library.text(library.uuid, DeviceHandle(pointer)), !uuid.isEmpty
            else { return nil }
            return NVMLWork.Instance(uuid: uuid, multiprocessors: Int64(facts.multiprocessors))
        }
    }
}
