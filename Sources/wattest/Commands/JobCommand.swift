import ArgumentParser
import Energy
import JSONText

/// `wattest job`
struct JobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job", abstract: "Jobs, each merged over its nodes.",
        subcommands: [List.self, Show.self, Classify.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the jobs of the organization.")
        @OptionGroup var options: ServerOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            let client = try options.client()
            let path = AggregatorClient.path(try await options.organization(client), "jobs")
            let page = try await paging.page(client, path)
            if options.json { return Output.json(page) }
            Output.text(JobTable(jobs: page["items"]?.array ?? []).text)
            if let next = page["next"]?.string { Output.text("More: --after \(next)\n") }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a job's energy by node, its coverage, and where the figures come from.")
        @OptionGroup var options: ServerOptions

        @Argument(help: ArgumentHelp("cluster/scheduler/id@submit, its id, or the beginning of it.", valueName: "job"))
        var key: String

        func run() async throws {
            let client = try options.client()
            let path = AggregatorClient.path(try await options.organization(client), "jobs", key)
            let job = try await client.get(path)
            if options.json { return Output.json(job) }
            Output.text(JobPage(job: job).text)
        }
    }

    struct Classify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what a job was for, as a signed entry of the log that names who and why.")
        @OptionGroup var options: ServerOptions

        @Argument(help: ArgumentHelp("cluster/scheduler/id@submit, its id, or the beginning of it.", valueName: "job"))
        var key: String

        @Option(name: .customLong("class"), help: "final, development, failed or evaluation.")
        var jobClass: JobClass?

        @Option(help: "The model that the job trains; jobs of one model are a run.")
        var model: String?

        @Option(help: "What it does in the model's life, such as pre-training or fine-tuning.")
        var activity: String?

        @Option(
            name: .customLong("run"),
            help: ArgumentHelp("The run that it is part of, where that is not the model's.", valueName: "name"))
        var runName: String?

        @Option(help: "Why it is set; stands in the log.")
        var reason: String

        @Option(help: ArgumentHelp("Who says so; stands in the log beside the token's name.", valueName: "name"))
        var by: String?

        private var settings: [(field: String, value: JSONValue)] {
            [
                jobClass.map { ("job.class", JSONValue.string($0.rawValue)) },
                model.map { ("job.model", .string($0)) }, activity.map { ("job.activity", .string($0)) },
                runName.map { ("job.run", .string($0)) },
            ].compactMap(\.self)
        }

        func validate() throws {
            guard !settings.isEmpty else {
                throw ValidationError("nothing is to be set, give --class, --model, --activity or --run")
            }
            guard !reason.isEmpty else { throw ValidationError("--reason is empty, say why it is set") }
        }

        func run() async throws {
            let client = try options.client()
            let organization = try await options.organization(client)
            let job = try await client.get(AggregatorClient.path(organization, "jobs", key))
            guard let pseudonym = job["pseudonym"]?.string else {
                throw CommandFailure(
                    .unavailable, "BAD_REPLY",
                    "the job has no pseudonym, \(client.exchange.address), update the aggregator")
            }
            var results: [JSONValue] = []
            for (field, value) in settings {
                let setting = Setting(
                    field: field, subject: pseudonym, value: value, by: by ?? Self.user, reason: reason)
                let reply = try await setting.post(client, organization)
                results.append([
                    "key": job["key"] ?? .null, "field": .string(field), "value": value,
                    "index": reply["index"] ?? .null,
                ])
                if !options.json {
                    Output.text(
                        "\(field) of \(JobPage.name(of: job)) set to \(FigureText.text(value)), "
                            + "log index \(FigureText.text(reply["index"]))\n")
                }
            }
            if options.json { Output.json(["items": .array(results), "next": .null]) }
        }

        private static var user: String? {
            ServerOptions.environmentValue("USER").flatMap { $0.isEmpty ? nil : $0 }
        }
    }
}

/// What a job was for. Idle time of a reservation is found, not declared.
enum JobClass: String, ExpressibleByArgument, CaseIterable {
    case final
    case development
    case failed
    case evaluation
}
