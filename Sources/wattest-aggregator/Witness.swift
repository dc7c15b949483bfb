import Aggregation
import ArgumentParser
import HTTPEdge
import Identity
import JSONText
import Logging
import ServiceLifecycle
import TransparencyLog
import UnixSignals

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A witness for the logs of others: what a partner organization runs so that an operator cannot show two histories.
struct Witness: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cosign the checkpoints of other organizations' logs.",
        subcommands: [WitnessServe.self, WitnessAddLog.self, WitnessShow.self], defaultSubcommand: WitnessServe.self)
}

/// What every witness command is told.
struct WitnessOptions: ParsableArguments {
    @Option(name: .customLong("data-dir"), help: "Directory of the witness.") var dataDirectory: String?
    @Option(help: "Name of a new witness, for example witness.example/w1.") var name: String?
    @Option(help: "YAML file.") var config: String?

    var flags: [String: String?] { ["data-dir": dataDirectory, "name": name] }
}

/// Runs until SIGTERM or SIGINT.
struct WitnessServe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve", abstract: "Run the witness.")

    @OptionGroup var options: WitnessOptions
    @Option(help: "Address and port; port 0 takes a free one.") var http: String?
    @Option(name: .customLong("tls-certificate"), help: "PEM of the certificate chain; without one HTTP is served.")
    var tlsCertificate: String?
    @Option(name: .customLong("tls-key"), help: "PEM of its key.") var tlsKey: String?
    @Option(name: .customLong("ready-file"), help: "Written as JSON when requests are taken.") var readyFile: String?

    func run() async throws {
        var flags = options.flags
        flags["http"] = http
        flags["tls-certificate"] = tlsCertificate
        flags["tls-key"] = tlsKey
        flags["ready-file"] = readyFile
        let settings = try Settings(file: options.config, flags: flags)
        let directory = WitnessDirectory(path: try settings.required("data-dir"))
        let logger = Environment.logger()
        let key = try directory.key(name: settings["name"]) { Environment.clock.random(32) }
        try directory.lock()
        let service = try WitnessService(directory: directory, key: key, clock: Environment.clock)
        let address = try settings.address("http", otherwise: "0.0.0.0:8445")
        let (certificate, tlsKey) = try Self.tls(settings)
        let ready = settings["ready-file"]
        let server = try HTTPSServer(
            configuration: .init(address: address, certificatesPEM: certificate, keyPEM: tlsKey),
            router: WitnessRoutes(service).router(), logger: logger,
            onBound: { Self.announce($0, key.verifier, isPlain: certificate.isEmpty, ready) })
        try await ServiceGroup(
            configuration: .init(
                services: [.init(service: server)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        ).run()
        if let ready { unlink(ready) }
    }

    private static func tls(_ settings: Settings) throws -> (certificate: [UInt8], key: [UInt8]) {
        switch (settings["tls-certificate"], settings["tls-key"]) {
        case (nil, nil): return ([], [])
        case (let certificate?, let key?):
            return (try PrivateFile.read(certificate), try PrivateFile.readSecret(key))
        default: throw Failure(.usage, "tls-certificate and tls-key go together; give both or none")
        }
    }

    private static func announce(_ bound: NetworkAddress, _ key: VerifierKey, isPlain: Bool, _ file: String?) {
        let url = "\(isPlain ? "http" : "https")://\(bound)"
        print("wattest-aggregator: witness \(key.text) at \(url)")
        fflush(nil)
        guard let file else { return }
        let object: JSONValue = ["url": .string(url), "vkey": .string(key.text), "pid": .integer(getpid())]
        do {
            try PrivateFile.write(object.rendered(.compact) + [UInt8(ascii: "\n")], to: file, mode: 0o644)
        } catch {
            Failure(.unavailable, "ready-file: \(error)").report()
        }
    }
}

/// Serves another log, also while the witness runs.
struct WitnessAddLog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-log",
        abstract: "Witness a log from now on; once more with the new key when it changes its key.")

    @OptionGroup var options: WitnessOptions
    @Option(help: "The log's verifier key, from its policy.txt.") var vkey: String
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let settings = try Settings(file: options.config, flags: options.flags)
        let directory = WitnessDirectory(path: try settings.required("data-dir"))
        let log: VerifierKey
        do {
            log = try VerifierKey(parsing: vkey)
        } catch {
            throw Failure(.usage, "--vkey: \(error.reason)")
        }
        let key = try directory.key(name: settings["name"]) { Environment.clock.random(32) }
        let isNew = try directory.add(log)
        if json {
            let object: JSONValue = [
                "origin": .string(log.name), "added": .bool(isNew), "witness": .string(key.verifier.text),
            ]
            return print(object.text(.compact))
        }
        print("\(log.name) \(isNew ? "is witnessed from now on" : "was witnessed already") by \(key.verifier.text)")
    }
}

/// What the witness has cosigned.
struct WitnessShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the witness's key and the last tree that it cosigned of each log.")

    @OptionGroup var options: WitnessOptions
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let settings = try Settings(file: options.config, flags: options.flags)
        let directory = WitnessDirectory(path: try settings.required("data-dir"))
        let key = try directory.key(name: settings["name"]) { Environment.clock.random(32) }
        let known = try directory.known()
        if json {
            let logs = known.map { log -> JSONValue in
                [
                    "origin": .string(log.log.origin), "keys": .array(log.log.keys.map { .string($0.text) }),
                    "size": .decimalString(log.head.size), "root": .string(log.head.root.base64),
                ]
            }
            let object: JSONValue = ["vkey": .string(key.verifier.text), "logs": .array(logs)]
            return print(object.text(.compact))
        }
        print(key.verifier.text)
        for log in known { print("\(log.log.origin)  \(log.head.size) entries, root \(log.head.root.base64)") }
    }
}
