extension DeviceReference {
    /// An accelerator as a device plugin of Kubernetes names it to the kubelet.
    ///
    /// NVIDIA's plugin names a board or an instance by its own name, and where several pods take turns on it puts the
    /// number of the turn behind: `GPU-…::3` (k8s-device-plugin, internal/rm, "annotated ids"). Google's names the
    /// device file: `nvidia3`, `nvidia3/gi1` for an instance, `nvidia3/vgpu0` for a turn
    /// (container-engine-accelerators, pkg/gpu/nvidia).
    package init(deviceID: String) {
        if let number = Self.file(deviceID.split(separator: "/", omittingEmptySubsequences: false).first ?? "") {
            self = .number(number)
            return
        }
        let parts = deviceID.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 3, !parts[0].isEmpty, parts[1].isEmpty, DecimalNumber.parse(parts[2]) != nil {
            self = .identity(String(parts[0]))
        } else {
            self = .identity(deviceID)
        }
    }

    private static func file(_ name: Substring) -> Int? {
        guard name.hasPrefix("nvidia"), let number = DecimalNumber.parse(name.dropFirst(6)), number < 4096 else {
            return nil
        }
        return Int(number)
    }
}
