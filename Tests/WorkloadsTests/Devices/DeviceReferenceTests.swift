import Testing

@testable import Workloads

/// Names as device plugins of Kubernetes give them out.
@Suite struct DeviceReferenceTests {
    private static let board = "GPU-5f1e0002-1111-2222-3333-444455556666"
    private static let instance = "MIG-5f1e0002-1111-2222-3333-444455556666"

    @Test(arguments: [
        (board, DeviceReference.identity(board)), (board + "::0", .identity(board)), (board + "::17", .identity(board)),
        (instance + "::2", .identity(instance)), ("nvidia3", .number(3)), ("nvidia0/gi7", .number(0)),
        ("nvidia12/vgpu1", .number(12)),
    ])
    func whatPluginsName(id: String, device: DeviceReference) {
        #expect(DeviceReference(deviceID: id) == device)
    }

    @Test(arguments: [
        "", "::", "::1", "a::", "a::x", "a:0", "nvidia", "nvidiax", "nvidia-3", "0000:3b:00.0", "a::1::2",
    ])
    func otherNamesStayWhatTheyAre(id: String) {
        #expect(DeviceReference(deviceID: id) == .identity(id))
    }
}
