import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf

/// The devices of one container, as a kubelet gave them out.
package struct KubeletDevices: Sendable, Hashable {
    /// For example `nvidia.com/gpu`.
    package var resource: String
    package var identities: [String]

    package init(resource: String, identities: [String]) {
        self.resource = resource
        self.identities = identities
    }
}

/// A pod that runs on this node, with the devices of all its containers.
package struct KubeletPod: Sendable, Hashable {
    package var namespace: String
    package var name: String
    package var devices: [KubeletDevices]
    /// Processors that are the pod's alone.
    package var processors: Int

    package init(namespace: String, name: String, devices: [KubeletDevices] = [], processors: Int = 0) {
        self.namespace = namespace
        self.name = name
        self.devices = devices
        self.processors = processors
    }
}

/// The kubelet's pod resources socket, v1 `List`.
package enum KubeletPods {
    package static let socketPath = "/var/lib/kubelet/pod-resources/kubelet.sock"

    /// Asks once, on a connection of its own.
    ///
    /// The authority is `localhost`: the kubelet's server takes no path of a socket for one.
    ///
    /// - Throws: ``IngestError`` when the kubelet does not answer in time.
    package static func list(socket: String, timeoutSeconds: Int64 = 10) async throws -> [KubeletPod] {
        do {
            return try await withGRPCClient(
                transport: .http2NIOPosix(
                    target: .unixDomainSocket(path: socket, authority: "localhost"), transportSecurity: .plaintext)
            ) { client in
                var options = CallOptions.defaults
                options.timeout = .seconds(timeoutSeconds)
                // A node with a thousand devices is some hundred kilobytes.
                options.maxResponseMessageBytes = 16 << 20
                let lister = V1_PodResourcesLister.Client(wrapping: client)
                let answer = try await lister.list(V1_ListPodResourcesRequest(), options: options)
                return answer.podResources.map { KubeletPod($0) }
            }
        } catch let error as RPCError {
            throw IngestError(error)
        }
    }
}

extension KubeletPod {
    fileprivate init(_ pod: V1_PodResources) {
        var byResource: [String: Set<String>] = [:]
        for container in pod.containers {
            for device in container.devices { byResource[device.resourceName, default: []].formUnion(device.deviceIds) }
        }
        self.init(
            namespace: pod.namespace, name: pod.name,
            devices: byResource.sorted { $0.key < $1.key }
                .map { KubeletDevices(resource: $0.key, identities: $0.value.sorted()) },
            processors: Set(pod.containers.flatMap(\.cpuIds)).count)
    }
}
