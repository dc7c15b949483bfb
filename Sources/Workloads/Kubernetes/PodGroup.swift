/// A pod as its control group names it.
///
/// The kubelet writes (pkg/kubelet/cm, both drivers, every class of service):
/// `/kubepods/podUID` (guaranteed), `/kubepods/burstable/podUID`, `/kubepods/besteffort/podUID` with cgroupfs;
/// `/kubepods.slice/kubepods-podUID.slice`, `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice`
/// with systemd, where the UID's hyphens are underscores. Below it one group a container: `ID`, or
/// `cri-containerd-ID.scope`, `crio-ID.scope`, `docker-ID.scope`. A nested kubelet puts its own path in front.
package struct PodGroup: Sendable, Hashable {
    package enum Service: String, Sendable, Hashable { case guaranteed, burstable, besteffort }

    /// With hyphens, as the API has it.
    package var uid: String
    package var service: Service
    /// 64 hexadecimal digits, nil where only the pod is named.
    package var container: String?

    package init(uid: String, service: Service, container: String? = nil) {
        self.uid = uid
        self.service = service
        self.container = container
    }

    package init?(controlGroup path: String) {
        let parts = path.split(separator: "/").map(String.init)
        guard let index = parts.lastIndex(where: { Self.uid(of: $0) != nil }), index > 0,
            let uid = Self.uid(of: parts[index])
        else { return nil }
        let above = parts[..<index].joined(separator: "/")
        guard above.contains("kubepods") else { return nil }
        self.init(uid: uid, service: .guaranteed)
        for service in [Service.burstable, .besteffort]
        where above.hasSuffix(service.rawValue) || above.hasSuffix("-\(service.rawValue).slice") {
            self.service = service
        }
        if index + 1 < parts.count { container = Self.container(of: parts[index + 1]) }
    }

    /// The UID in the name of a pod's own group.
    package static func uid(of name: String) -> String? {
        var rest = Substring(name)
        if rest.hasSuffix(".slice") {
            rest = rest.dropLast(".slice".count)
            guard rest.contains("kubepods"), let dash = rest.lastIndex(of: "-") else { return nil }
            rest = rest[rest.index(after: dash)...]
        }
        guard rest.hasPrefix("pod") else { return nil }
        let uid = String(rest.dropFirst(3).map { $0 == "_" ? "-" : $0 })
        // Static pods have the hash of their file instead of a UUID.
        guard (32...36).contains(uid.utf8.count), uid.allSatisfy({ $0.isHexDigit || $0 == "-" }) else { return nil }
        return uid
    }

    private static func container(of name: String) -> String? {
        var rest = Substring(name)
        if rest.hasSuffix(".scope") { rest = rest.dropLast(".scope".count) }
        if let dash = rest.lastIndex(of: "-") { rest = rest[rest.index(after: dash)...] }
        return rest.utf8.count == 64 && rest.allSatisfy(\.isHexDigit) ? String(rest) : nil
    }
}
