import Aggregation
import ArgumentParser
import HardwareKeys
import JSONText
import Store
import TransparencyLog

/// Makes an installation: keys, authority, database, first organization.
struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make keys, certificate authority, database and the first organization.")

    @Option(name: .customLong("data-dir"), help: "Directory of the installation.") var dataDirectory: String?
    @Option(help: "Name of the first organization.") var organization: String
    @Option(help: "Name of its first site.") var site = "default"
    @Option(name: .customLong("database-url"), help: "PostgreSQL to use instead of a private cluster.")
    var databaseURL: String?
    @Option(name: .customLong("origin-host"), help: "Host name in the log's origin; this machine's if not given.")
    var originHost: String?
    @Option(help: "Address that nodes will reach over HTTPS, for the printed token.") var http: String?
    @Option(help: "Address that nodes will stream to, for the printed token.") var ingest: String?
    @Option(name: .customLong("log-key"), help: "PKCS #11 URI of the log's key; a file if not given.")
    var logKey: String?
    @Option(
        name: .customLong("administration-key"), help: "PKCS #11 URI of the organization's key; a file if not given.")
    var administrationKey: String?
    @Option(help: "YAML file.") var config: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let settings = try Settings(
            file: config,
            flags: [
                "data-dir": dataDirectory, "database-url": databaseURL, "origin-host": originHost, "http": http,
                "ingest": ingest, "log-key": logKey, "administration-key": administrationKey,
            ])
        let tokens = try Self.tokens(settings)
        let installation = Installation(directory: try settings.required("data-dir"))
        guard !installation.isComplete else {
            throw Failure(
                .refused,
                "\(installation.directory) is an installation already; choose another --data-dir or run 'serve'")
        }
        guard LogNaming.slug(of: organization) != nil else {
            throw Failure(.usage, "--organization '\(organization)': it needs a letter or digit of ASCII")
        }
        let logger = Environment.logger()
        // The cluster makes the directory with the rights that its server needs, so it comes first.
        let database = try await Database.open(settings, migrating: true, logger: logger)
        do {
            // Another database makes none.
            try DirectoryTree.make(installation.directory)
            let result = try await found(installation, settings, tokens, database)
            await database.cluster?.stop()
            report(result, installation, settings)
        } catch {
            await database.cluster?.stop()
            throw error
        }
    }

    /// Keys on tokens are tried before anything is made.
    private static func tokens(_ settings: Settings) throws -> LogKeys.Tokens {
        func uri(_ key: String) throws -> TokenURI? {
            guard let text = settings[key] else { return nil }
            do {
                let uri = try TokenURI(parsing: text)
                _ = try TokenKey(uri)
                return uri
            } catch {
                throw Failure(.usage, "\(key): \(error)")
            }
        }
        return LogKeys.Tokens(log: try uri("log-key"), administration: try uri("administration-key"))
    }

    private func found(
        _ installation: Installation, _ settings: Settings, _ tokens: LogKeys.Tokens, _ database: Database
    ) async throws -> Founding.Result {
        let pool = try ConnectionPool(database.intake, limits: .init(connections: 1))
        do {
            let result = try await Founding(installation: installation, clock: Environment.clock).found(
                organization: organization, site: site, host: settings["origin-host"] ?? Environment.hostName,
                tokens: tokens, pool: pool)
            await pool.close()
            return result
        } catch {
            await pool.close()
            throw error
        }
    }

    private func report(_ result: Founding.Result, _ installation: Installation, _ settings: Settings) {
        let authority = Hexadecimal.encode(result.authoritySHA256)
        let server = settings["http"] ?? "\(Environment.hostName):8443"
        let ingest = settings["ingest"] ?? "\(Environment.hostName):7443"
        if json {
            let object: JSONValue = [
                "token": .string(result.joinToken), "ca_sha256": .string(authority),
                "server": .string("https://\(server)"), "ingest": .string(ingest), "organization": .string(result.slug),
                "log": .string(result.origin), "data_dir": .string(installation.directory),
            ]
            return print(object.text(.compact))
        }
        print(
            """
            Organization \(result.slug), log \(result.origin)
              authority    \(installation.authorityCertificate) (SHA-256 \(authority))
              admin token  \(installation.adminToken)
              policy       \(installation.policy)
            Serve:   wattest-aggregator serve --data-dir \(installation.directory)
            Enroll:  wattest-agent enroll --server https://\(server) --ca-sha256 \(authority) \
            --token \(result.joinToken) --node NAME --data-dir DIR
            """)
    }
}

/// Brings the database's schema up to date.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Apply the migrations that the database lacks.")

    @Option(name: .customLong("data-dir"), help: "Directory of the installation.") var dataDirectory: String?
    @Option(name: .customLong("database-url"), help: "PostgreSQL, as a role that may create roles and schemas.")
    var databaseURL: String?
    @Option(help: "YAML file.") var config: String?

    func run() async throws {
        let settings = try Settings(
            file: config, flags: ["data-dir": dataDirectory, "database-url": databaseURL])
        if settings["database-url"] == nil { _ = try settings.required("data-dir") }
        let database = try await Database.open(settings, migrating: true, logger: Environment.logger())
        await database.cluster?.stop()
        print("The schema is current.")
    }
}
