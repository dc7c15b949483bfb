#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where a listener listens or a client connects: a name or IP address, and a port.
package struct NetworkAddress: Sendable, Hashable, CustomStringConvertible {
    /// A DNS name, or an IPv4 or IPv6 address without brackets.
    package let host: String
    /// 0 asks a listener for any free port.
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Parses `HOST:PORT`, `1.2.3.4:PORT` or `[2001:db8::1]:PORT`; nil for anything else.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(digits), port <= 65_535
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
            guard IPAddress.bytes(String(host))?.count == 16 else { return nil }
        } else {
            // More than one colon without brackets cannot be told from an address without a port.
            guard !host.isEmpty, !host.contains(":") else { return nil }
        }
        self.host = String(host)
        self.port = port
    }

    /// The system's words for why an address cannot be had.
    package static func reason(ofSystemError code: Int32) -> String { String(cString: strerror(code)) }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    package var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
