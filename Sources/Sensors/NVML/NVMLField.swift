import CNVML
import Energy

/// Answers of NVML (nvml.h), judged.
enum NVMLStatus {
    /// - Returns: nil for success.
    static func reason(_ code: UInt32) -> UnreadableReason? {
        switch code {
        case 0: nil
        case 3, 13: .unsupported  // NOT_SUPPORTED, FUNCTION_NOT_FOUND
        case 4: .denied  // NO_PERMISSION
        case 6, 15, 16: .gone  // NOT_FOUND, GPU_IS_LOST, RESET_REQUIRED
        case 10: .timedOut
        default: .failed
        }
    }

    /// The library has lost its driver and must be initialised again: UNINITIALIZED, DRIVER_NOT_LOADED,
    /// LIB_RM_VERSION_MISMATCH (the driver was replaced under it).
    static func needsInitialisation(_ code: UInt32) -> Bool { code == 1 || code == 9 || code == 18 }

    static func text(_ code: UInt32) -> String {
        let known: [UInt32: String] = [
            1: "not initialised", 3: "not supported", 4: "no permission", 6: "not found", 9: "driver not loaded",
            10: "time-out", 13: "function not found", 15: "GPU is lost", 16: "reset required",
            18: "driver and library versions differ", 999: "unknown error",
        ]
        return (known[code] ?? "error") + " (\(code))"
    }
}

/// One answer of nvmlDeviceGetFieldValues.
struct NVMLField {
    /// NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, mJ since the driver was loaded.
    static let totalEnergy: UInt32 = 83
    /// NVML_FI_DEV_POWER_AVERAGE and …_INSTANT, mW.
    static let powerAverage: UInt32 = 185
    static let powerInstant: UInt32 = 186
    /// NVML_FI_DEV_POWER_MAX_LIMIT and …_CURRENT_LIMIT, mW.
    static let powerMaximumLimit: UInt32 = 188
    static let powerCurrentLimit: UInt32 = 190

    enum Scope: UInt32 {
        case gpu = 0
        /// Everything under one module's limit: GPU, CPU and memory on GH200 and GB200.
        case module = 1
    }

    /// The value as a count, by its own type: a field's type has changed between drivers.
    static func count(_ field: wattest_nvml_field) -> Result<UInt64, ReadFailure> {
        if let reason = NVMLStatus.reason(field.status) { return .failure(ReadFailure(reason: reason)) }
        let value: UInt64? =
            switch field.value_type {
            case 0: UInt64(exactly: field.value.real.rounded())
            case 1: UInt64(field.value.unsigned_int)
            case 2: UInt64(field.value.unsigned_long)
            case 3: field.value.unsigned_long_long
            case 4: UInt64(exactly: field.value.signed_long_long)
            case 5: UInt64(exactly: field.value.signed_int)
            case 6: UInt64(field.value.unsigned_short)
            default: nil
            }
        guard let value else { return .failure(ReadFailure(reason: .malformed)) }
        return .success(value)
    }
}
