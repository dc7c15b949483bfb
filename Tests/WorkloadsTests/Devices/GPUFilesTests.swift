import Testing
import Workloads

@Suite struct GPUFilesTests {
    /// The form of the NVIDIA driver's `information` file.
    @Test func theNumberOfADeviceFile() throws {
        let text = """
            Model: \t\t NVIDIA H100 80GB HBM3
            IRQ:   \t\t 210
            GPU UUID: \t GPU-0a1b2c3d-0000-1111-2222-333344445555
            Bus Location: \t 0000:17:00.0
            Device Minor: \t 3
            """
        let found = try #require(GPUFiles.parse(information: text))
        #expect(found.number == 3 && found.identity == "GPU-0a1b2c3d-0000-1111-2222-333344445555")
        #expect(GPUFiles.parse(information: "GPU UUID: GPU-????????") == nil)
        #expect(GPUFiles.parse(information: "") == nil)
    }
}
