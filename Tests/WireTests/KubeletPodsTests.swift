import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import SwiftProtobuf
import Testing

@testable import Wire

/// A real gRPC server behind a Unix socket, as the kubelet's is.
@Suite struct KubeletPodsTests {
    private struct Lister: V1_PodResourcesLister.SimpleServiceProtocol {
        func list(
            request: V1_ListPodResourcesRequest, context: ServerContext
        ) async throws -> V1_ListPodResourcesResponse {
            .with { answer in
                answer.podResources = [
                    .with { pod in
                        pod.name = "train-0"
                        pod.namespace = "acme"
                        pod.containers = [
                            container("main", ["GPU-b", "GPU-a"], [0, 1]), container("side", ["GPU-a"], [1]),
                        ]
                    },
                    .with { pod in
                        pod.name = "dns"
                        pod.namespace = "kube-system"
                    },
                ]
            }
        }

        private func container(_ name: String, _ devices: [String], _ processors: [Int64]) -> V1_ContainerResources {
            .with { container in
                container.name = name
                container.cpuIds = processors
                container.devices = devices.map { id in
                    .with {
                        $0.resourceName = "nvidia.com/gpu"
                        $0.deviceIds = [id]
                    }
                }
            }
        }
    }

    @Test func theDevicesOfEveryPod() async throws {
        let path = NSTemporaryDirectory() + "wattest-kubelet.\(UInt32.random(in: 0...UInt32.max)).sock"
        defer { unlink(path) }
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .unixDomainSocket(path: path), transportSecurity: .plaintext),
            services: [Lister()])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            _ = try await server.listeningAddress
            let pods = try await KubeletPods.list(socket: path)
            #expect(
                pods == [
                    KubeletPod(
                        namespace: "acme", name: "train-0",
                        devices: [KubeletDevices(resource: "nvidia.com/gpu", identities: ["GPU-a", "GPU-b"])],
                        processors: 2),
                    KubeletPod(namespace: "kube-system", name: "dns"),
                ])
            server.beginGracefulShutdown()
        }
    }

    @Test func noKubeletIsAnError() async {
        await #expect(throws: (any Error).self) {
            _ = try await KubeletPods.list(socket: "/tmp/wattest-none.sock", timeoutSeconds: 1)
        }
    }
}
