import CNVML
import Energy

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A device handle of NVML or AMD SMI: an address that is only handed back to the library.
struct DeviceHandle: Sendable, Hashable {
    var bits: UInt

    init(_ pointer: UnsafeMutableRawPointer?) { bits = UInt(bitPattern: pointer) }
    var pointer: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: bits) }
}

/// A library opened at run time, so that the agent neither needs nor ships it. Closed with its last holder.
final class LoadedLibrary: Sendable {
    private let handle: UInt

    init?(path: String) {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { return nil }
        self.handle = UInt(bitPattern: handle)
    }

    deinit { dlclose(UnsafeMutableRawPointer(bitPattern: handle)!) }

    /// Why the last attempt to open failed.
    static var lastError: String { dlerror().map { String(cString: $0) } ?? "unknown reason" }

    func function<Function>(_ name: String, as type: Function.Type) -> Function? {
        guard let address = dlsym(UnsafeMutableRawPointer(bitPattern: handle), name) else { return nil }
        return unsafeBitCast(address, to: type)
    }
}

/// The calls of libnvidia-ml that are used. None makes a CUDA context, sets a clock or starts a profiler.
struct NVMLLibrary: Sendable {
    typealias Plain = @convention(c) () -> UInt32
    typealias Text = @convention(c) (UnsafeMutablePointer<CChar>?, UInt32) -> UInt32
    typealias Count = @convention(c) (UnsafeMutablePointer<UInt32>?) -> UInt32
    typealias ByIndex = @convention(c) (UInt32, UnsafeMutablePointer<UnsafeMutableRawPointer?>?) -> UInt32
    typealias ByName = @convention(c) (UnsafePointer<CChar>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?) -> UInt32
    typealias DeviceText = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<CChar>?, UInt32) -> UInt32
    typealias DevicePCI = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<wattest_nvml_pci>?) -> UInt32
    typealias DeviceLong = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt64>?) -> UInt32
    typealias DeviceInt = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt32>?) -> UInt32
    typealias DevicePair =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<UInt32>?
        ) -> UInt32
    typealias DeviceFields =
        @convention(c) (UnsafeMutableRawPointer?, Int32, UnsafeMutablePointer<wattest_nvml_field>?) -> UInt32

    let library: LoadedLibrary
    let initialise: Plain
    let shutdown: Plain
    let deviceCount: Count
    let deviceByIndex: ByIndex
    let deviceByUUID: ByName
    let uuid: DeviceText
    let name: DeviceText
    let driverVersion: Text?
    let pci: DevicePCI?
    let totalEnergy: DeviceLong?
    let powerUsage: DeviceInt?
    let enforcedLimit: DeviceInt?
    let fields: DeviceFields?
    let migMode: DevicePair?

    /// - Returns: nil when the library lacks a call without which nothing can be named.
    init?(_ library: LoadedLibrary) {
        guard let initialise = library.function("nvmlInit_v2", as: Plain.self),
            let shutdown = library.function("nvmlShutdown", as: Plain.self),
            let deviceCount = library.function("nvmlDeviceGetCount_v2", as: Count.self),
            let deviceByIndex = library.function("nvmlDeviceGetHandleByIndex_v2", as: ByIndex.self),
            let deviceByUUID = library.function("nvmlDeviceGetHandleByUUID", as: ByName.self),
            let uuid = library.function("nvmlDeviceGetUUID", as: DeviceText.self),
            let name = library.function("nvmlDeviceGetName", as: DeviceText.self)
        else { return nil }
        self.library = library
        self.initialise = initialise
        self.shutdown = shutdown
        self.deviceCount = deviceCount
        self.deviceByIndex = deviceByIndex
        self.deviceByUUID = deviceByUUID
        self.uuid = uuid
        self.name = name
        driverVersion = library.function("nvmlSystemGetDriverVersion", as: Text.self)
        pci = library.function("nvmlDeviceGetPciInfo_v3", as: DevicePCI.self)
        totalEnergy = library.function("nvmlDeviceGetTotalEnergyConsumption", as: DeviceLong.self)
        powerUsage = library.function("nvmlDeviceGetPowerUsage", as: DeviceInt.self)
        enforcedLimit = library.function("nvmlDeviceGetEnforcedPowerLimit", as: DeviceInt.self)
        fields = library.function("nvmlDeviceGetFieldValues", as: DeviceFields.self)
        migMode = library.function("nvmlDeviceGetMigMode", as: DevicePair.self)
    }

    func text(_ call: DeviceText, _ device: DeviceHandle) -> Result<String, ReadFailure> {
        var buffer = [CChar](repeating: 0, count: 128)
        let code = call(device.pointer, &buffer, UInt32(buffer.count))
        if let reason = NVMLStatus.reason(code) { return .failure(ReadFailure(reason: reason)) }
        return .success(String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    func pciDevice(_ device: DeviceHandle) -> String? {
        var info = wattest_nvml_pci()
        guard let pci, pci(device.pointer, &info) == 0 else { return nil }
        let text = withUnsafeBytes(of: &info.bus_id) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return PCIAddress.device(text)
    }

    /// One field: outer code and value, both zero before the call.
    func field(_ id: UInt32, _ scope: NVMLField.Scope, _ device: DeviceHandle) -> (
        code: UInt32, field: wattest_nvml_field
    ) {
        var field = wattest_nvml_field()
        field.field_id = id
        field.scope_id = scope.rawValue
        guard let fields else { return (13, field) }
        let code = fields(device.pointer, 1, &field)
        return (code, field)
    }

    func milliwatts(_ id: UInt32, _ scope: NVMLField.Scope, _ device: DeviceHandle) -> UInt64? {
        let (code, field) = field(id, scope, device)
        guard code == 0, case .success(let value) = NVMLField.count(field) else { return nil }
        return value
    }
}
