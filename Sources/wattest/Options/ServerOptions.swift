import ArgumentParser
import Identity
import JSONText

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where the aggregator is, who asks, and how the answer is printed.
struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Address of the aggregator; else WATTEST_SERVER.", valueName: "https://host:port"))
    var server: String?

    @Option(help: ArgumentHelp("File with the bearer token; else WATTEST_TOKEN_FILE.", valueName: "file"))
    var tokenFile: String?

    @Option(help: ArgumentHelp("The aggregator's authority, ca.pem; else WATTEST_CA_FILE.", valueName: "file"))
    var caFile: String?

    @Option(
        help: ArgumentHelp("Organization, by slug or name; else WATTEST_ORG, else the only one.", valueName: "name"))
    var org: String?

    @Flag(help: "Print the result as JSON.")
    var json = false

    /// The flag, else the environment.
    static func setting(
        _ flag: String?, _ option: String, _ variable: String, environment: (String) -> String? = environmentValue
    ) throws(CommandFailure) -> String {
        if let flag { return flag }
        if let value = environment(variable), !value.isEmpty { return value }
        throw .usage("\(option) is missing", "give \(option) or set \(variable)")
    }

    static func environmentValue(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    func client() throws(CommandFailure) -> AggregatorClient {
        let server = try Self.setting(server, "--server", "WATTEST_SERVER")
        guard let address = ServerAddress(server) else {
            throw .usage("--server '\(server)' is no address of an aggregator", "write https://HOST:PORT")
        }
        let caFile = try Self.setting(caFile, "--ca-file", "WATTEST_CA_FILE")
        let tokenFile = try Self.setting(tokenFile, "--token-file", "WATTEST_TOKEN_FILE")
        if Self.isOpenToOthers(tokenFile) { Output.warning("others can read \(tokenFile): chmod 600 \(tokenFile)") }
        return AggregatorClient(
            exchange: try HTTPSExchange(address: address.network, authorityPEM: try Self.read(caFile), caFile: caFile),
            token: try Self.token(in: tokenFile))
    }

    /// The organization that was named, or the only one that the token is for.
    func organization(_ client: AggregatorClient) async throws -> String {
        if let org { return org }
        if let named = Self.environmentValue("WATTEST_ORG"), !named.isEmpty { return named }
        let slugs = try await client.list("/v1/organizations").compactMap { $0["slug"]?.string }
        if slugs.count == 1 { return slugs[0] }
        throw CommandFailure.usage(
            "--org is missing, and this token is for \(slugs.count) organizations",
            "give --org with one of: \(slugs.joined(separator: ", "))")
    }

    private static func read(_ path: String) throws(CommandFailure) -> [UInt8] {
        do {
            return try PrivateFile.read(path)
        } catch {
            throw CommandFailure(.usage, "FILE", error.description)
        }
    }

    /// A token may lie where modes are not its owner's to choose, like a mounted secret: what is refused
    /// of a key is only warned of here.
    static func isOpenToOthers(_ path: String) -> Bool {
        (try? PrivateFile.readSecret(path)) == nil && (try? PrivateFile.read(path)) != nil
    }

    static func token(in path: String) throws(CommandFailure) -> String {
        let words = String(decoding: try read(path), as: UTF8.self).split { $0.isWhitespace }
        guard words.count == 1, let token = words.first, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw CommandFailure(
                .usage, "FILE", "there is no token, \(path), it must hold one line with the token alone")
        }
        return String(token)
    }
}

/// `https://HOST:PORT`, with or without a slash at the end.
struct ServerAddress: Equatable {
    let network: NetworkAddress

    init?(_ text: String) {
        let scheme = "https://"
        guard text.hasPrefix(scheme) else { return nil }
        var authority = text.dropFirst(scheme.count)
        if authority.hasSuffix("/") { authority.removeLast() }
        guard let network = NetworkAddress(String(authority)), network.port > 0 else { return nil }
        self.network = network
    }
}
