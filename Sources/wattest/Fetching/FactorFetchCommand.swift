import ArgumentParser
import AsyncHTTPClient
import Disclosure
import Emissions
import Energy
import Identity
import JSONText

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension FactorCommand {
    /// `wattest factor fetch`
    struct Fetch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetches hourly factors from a provider and declares them in the log like an imported table.",
            discussion: """
                Without --from and --to: the last 24 whole hours. Hours that the provider has no value for stay \
                without one. WattTime gives its average signal alone; the marginal one does not belong into an \
                inventory.
                """)
        @OptionGroup var options: ServerOptions

        @Option(help: "electricity-maps, watttime, carbon-intensity-gb, entsoe or energi-data-service.")
        var provider: FactorProvider

        @Option(help: "The grid zone as sites name it, such as DE or DK-DK1.")
        var zone: String

        @Option(help: "The zone as the provider names it, where that differs; ENTSO-E: the EIC of the area.")
        var area: String?

        @Option(help: ArgumentHelp("First hour.", valueName: "yyyy-mm-ddThh:00Z"))
        var from: String?

        @Option(help: ArgumentHelp("End, not included.", valueName: "yyyy-mm-ddThh:00Z"))
        var to: String?

        @Option(help: "Of Electricity Maps: direct, which fits Scope 2, or lifecycle.")
        var scope: Scope?

        @Option(
            help: ArgumentHelp(
                "File with the provider's token, of WattTime USER:PASSWORD; else WATTEST_PROVIDER_TOKEN_FILE.",
                valueName: "file"))
        var providerTokenFile: String?

        @Option(help: ArgumentHelp("Another address of the provider, such as a proxy's.", valueName: "https://host"))
        var providerAddress: String?

        @Option(help: "The licence that the values are used under, where it is not the provider's usual one.")
        var licence: String?

        @Flag(help: "Keep values that are a forecast still, marked so.")
        var keepForecasts = false

        @Option(help: ArgumentHelp("Write the table here and declare nothing.", valueName: "file"))
        var out: String?

        @Option(help: "Why it is fetched; stands in the log.")
        var reason: String?

        func run() async throws {
            let query = try query()
            let secret = try secret()
            let http = ProviderExchange.client()
            let outcome: FactorFetchRun.Outcome
            do {
                let exchange = try ProviderExchange(http, base: providerAddress ?? provider.address, secret: secret)
                outcome = try await FactorFetchRun(query: query, exchange: exchange, now: Self.now) { seconds in
                    Output.warning("\(provider.title) wants a pause of \(seconds) s")
                    try await Task.sleep(for: .seconds(seconds))
                }.outcome()
            } catch {
                try? await http.shutdown()
                throw error
            }
            try? await http.shutdown()
            try await keep(FactorFetchResult(query: query, outcome: outcome, retrievedAt: Self.now()))
        }

        private func query() throws(CommandFailure) -> FactorQuery {
            if let scope, provider != .electricityMaps, scope.rawValue != provider.scope.rawValue {
                throw .usage("\(provider.title) has \(provider.scope) factors alone", "leave --scope out")
            }
            guard (from == nil) == (to == nil) else {
                throw .usage("--from and --to belong together", "give both, or neither for the last 24 hours")
            }
            let now = Self.now()
            let stated = try to.map { text throws(CommandFailure) in try Period.hour(text, option: "--to") }
            let end = stated ?? UTCTime(hour: now.hour)
            let first = try from.map { text throws(CommandFailure) in try Period.hour(text, option: "--from") }
            let start = first ?? UTCTime(hour: end.hour - 24)
            do {
                return try FactorQuery(
                    provider, zone: zone, area: area, from: start, to: end, now: now,
                    scope: FactorBasis.Scope(rawValue: (scope ?? .direct).rawValue) ?? .direct,
                    keepsForecasts: keepForecasts)
            } catch {
                throw FactorFetchRun.failure(error)
            }
        }

        private func secret() throws(CommandFailure) -> String? {
            guard let what = provider.credential else { return nil }
            let path = try ServerOptions.setting(
                providerTokenFile, "--provider-token-file, \(what) of \(provider.title),",
                "WATTEST_PROVIDER_TOKEN_FILE")
            return try ServerOptions.token(in: path)
        }

        private func keep(_ result: FactorFetchResult) async throws {
            if let out {
                do {
                    try PrivateFile.write(Array(result.table.utf8), to: out)
                } catch {
                    throw CommandFailure(.refused, "FILE", error.description)
                }
                return show(result, nil)
            }
            guard !result.isEmpty else {
                throw CommandFailure(
                    .refused, "NO_VALUES", "\(provider.title) has no value for any of these hours, nothing is declared")
            }
            let client = try options.client()
            let path = AggregatorClient.path(try await options.organization(client), "factors")
            show(result, try await client.post(path, result.body(licence: licence, reason: reason)))
        }

        private func show(_ result: FactorFetchResult, _ reply: JSONValue?) {
            if options.json { return Output.json(result.json(reply)) }
            Output.text(result.text(reply, file: out))
        }

        private static func now() -> UTCTime {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return UTCTime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
        }
    }

    enum Scope: String, ExpressibleByArgument, CaseIterable {
        case direct
        case lifecycle
    }
}

extension FactorProvider: ExpressibleByArgument {}
