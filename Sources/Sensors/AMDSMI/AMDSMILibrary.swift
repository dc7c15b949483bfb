/// The calls of libamd_smi that are used. None sets anything.
struct AMDSMILibrary: Sendable {
    typealias Initialise = @convention(c) (UInt64) -> UInt32
    typealias Handles =
        @convention(c) (UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?) -> UInt32
    typealias HandlesOf =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> UInt32
    typealias Text =
        @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<CChar>?) -> UInt32
    typealias Long = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt64>?) -> UInt32
    typealias Energy =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<Float>?,
            UnsafeMutablePointer<UInt64>?
        ) -> UInt32

    /// AMDSMI_INIT_AMD_GPUS
    static let gpus: UInt64 = 2

    private let library: LoadedLibrary
    let initialise: Initialise
    private let socketHandles: Handles
    private let processorHandles: HandlesOf
    private let deviceUUID: Text
    private let deviceBDF: Long?
    private let energyCount: Energy

    init?(_ library: LoadedLibrary) {
        guard let initialise = library.function("amdsmi_init", as: Initialise.self),
            let sockets = library.function("amdsmi_get_socket_handles", as: Handles.self),
            let processors = library.function("amdsmi_get_processor_handles", as: HandlesOf.self),
            let uuid = library.function("amdsmi_get_gpu_device_uuid", as: Text.self),
            let energy = library.function("amdsmi_get_energy_count", as: Energy.self)
        else { return nil }
        self.library = library
        self.initialise = initialise
        socketHandles = sockets
        processorHandles = processors
        deviceUUID = uuid
        deviceBDF = library.function("amdsmi_get_gpu_device_bdf", as: Long.self)
        energyCount = energy
    }

    func sockets() -> [DeviceHandle] { handles { socketHandles($0, $1) } }
    func processors(of socket: DeviceHandle) -> [DeviceHandle] { handles { processorHandles(socket.pointer, $0, $1) } }

    private func handles(
        _ call: (UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?) -> UInt32
    ) -> [DeviceHandle] {
        var count: UInt32 = 0
        guard call(&count, nil) == 0, count > 0 else { return [] }
        var pointers = [UnsafeMutableRawPointer?](repeating: nil, count: Int(min(count, 1024)))
        count = UInt32(pointers.count)
        guard call(&count, &pointers) == 0 else { return [] }
        return pointers.prefix(Int(count)).map { DeviceHandle($0) }
    }

    func uuid(of device: DeviceHandle) -> String? {
        // The form of a UUID takes 38 bytes; newer libraries check the length.
        var length: UInt32 = 38
        var buffer = [CChar](repeating: 0, count: 256)
        guard deviceUUID(device.pointer, &length, &buffer) == 0 else { return nil }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    /// Bits of amdsmi_bdf_t: function 3, device 5, bus 8, domain 48.
    func pciDevice(_ device: DeviceHandle) -> String? {
        var bits: UInt64 = 0
        guard let deviceBDF, deviceBDF(device.pointer, &bits) == 0 else { return nil }
        func hexadecimal(_ value: UInt64, _ width: Int) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        return hexadecimal(bits >> 16, 4) + ":" + hexadecimal(bits >> 8 & 0xFF, 2) + ":"
            + hexadecimal(bits >> 3 & 0x1F, 2)
    }

    func energy(of device: DeviceHandle) -> (code: UInt32, value: UInt64, resolution: Float) {
        var value: UInt64 = 0
        var resolution: Float = 0
        var stamp: UInt64 = 0
        let code = energyCount(device.pointer, &value, &resolution, &stamp)
        return (code, value, resolution)
    }
}
