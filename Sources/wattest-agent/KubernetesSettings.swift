import Identity
import NodeAgent
import Workloads

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// How to reach the API server from inside of a pod, as Kubernetes tells every pod: two variables and the files of the
/// service account. Outside of a pod there are none, and no pods are followed.
enum KubernetesSettings {
    private static let directory = "/var/run/secrets/kubernetes.io/serviceaccount"

    static func configuration(
        _ settings: Settings, _ enrolment: Enrolment, _ accounts: AccountMap
    ) throws(AgentError) -> PodResolver.Configuration? {
        guard let host = getenv("KUBERNETES_SERVICE_HOST").map({ String(cString: $0) }), !host.isEmpty else {
            return nil
        }
        let port = getenv("KUBERNETES_SERVICE_PORT").map { String(cString: $0) } ?? "443"
        let text = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        guard let server = NetworkAddress(text) else {
            throw AgentError(.configuration, "KUBERNETES_SERVICE_HOST: `\(text)` is not an address and a port")
        }
        guard let pem = FileTree.read(directory + "/ca.crt") else {
            throw AgentError(.configuration, "\(directory)/ca.crt cannot be read; mount the service account")
        }
        let authority: IdentityCertificate
        do {
            authority = try IdentityCertificate(pem: pem)
        } catch {
            throw AgentError(.configuration, "\(directory)/ca.crt: \(error)")
        }
        return PodResolver.Configuration(
            server: server, authority: authority, tokenFile: directory + "/token",
            node: settings["kubernetes-node"] ?? enrolment.node,
            cluster: settings["kubernetes-cluster"] ?? (enrolment.site.isEmpty ? "local" : enrolment.site),
            accounts: accounts)
    }
}
