import ArgumentParser
import Disclosure
import Emissions
import JSONText

/// `wattest estimate`
struct EstimateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "estimate",
        abstract: "Estimates what was not measured: power × time, with what it rests on. Needs no server.",
        discussion: """
            Time is --hours, --device-hours, or --flop over --flop-per-s. Power is --power-w for a device (for all of \
            them when --devices is not given), --host-w for what stands beside them, --device for its nameplate, or \
            the mean of --readings; or --kwh states the energy itself. What cannot be computed is null, with the reason.
            """,
        subcommands: [Matching.self, Facility.self, Intensity.self])

    @OptionGroup var options: ServerOptions

    @Option(help: ArgumentHelp("Mean power of a device; of everything without --devices.", valueName: "w"))
    var powerW: Decimal?
    @Option(help: ArgumentHelp("Mean power of hosts, memory and the rest, in all.", valueName: "w"))
    var hostW: Decimal?
    @Option(help: ArgumentHelp("IT energy as stated or metered, in place of power and time.", valueName: "kwh"))
    var kwh: Decimal?
    @Option(help: ArgumentHelp("A sampled day: its mean is the power of everything.", valueName: "file"))
    var readings: [String] = []
    @Option(help: "Form of --readings: csv, mlperf, nvidia-smi-csv or dcgm-csv.")
    var format: RecordedFormat = .csv
    @Option(help: ArgumentHelp("An accelerator by name, for its nameplate power and rate.", valueName: "name"))
    var device: String?
    @Option(help: ArgumentHelp("How many.", valueName: "n"))
    var devices: Decimal?
    @Option(help: ArgumentHelp("Wall-clock hours.", valueName: "h"))
    var hours: Decimal?
    @Option(help: ArgumentHelp("Wall-clock days, in place of --hours.", valueName: "d"))
    var days: Decimal?
    @Option(help: ArgumentHelp("Device-hours, as model cards state them.", valueName: "h"))
    var deviceHours: Decimal?
    @Option(help: ArgumentHelp("Power usage effectiveness, 1 or more; once.", valueName: "p"))
    var pue: Decimal?
    @Option(help: ArgumentHelp("Grid factor.", valueName: "g"))
    var factorGPerKwh: Decimal?
    @Option(help: ArgumentHelp("Grid factor in pounds per MWh.", valueName: "lb"))
    var factorLbPerMwh: Decimal?
    @Option(help: ArgumentHelp("Factor after matched carbon-free energy, for a net figure.", valueName: "g"))
    var netFactorGPerKwh: Decimal?
    @Option(help: ArgumentHelp("Grid zone or cloud region, for its yearly factor.", valueName: "zone"))
    var region: String?
    @Option(help: ArgumentHelp("Year of the factor of --region; else the newest.", valueName: "yyyy"))
    var year: Int?
    @Option(help: "strubell (PUE 1.58, 0.954 lb/kWh) or llama (PUE 1.1, 385 g/kWh).")
    var method: Method?
    @OptionGroup var compute: ComputeOptions
    @OptionGroup var price: PriceOptions
    @OptionGroup var water: WaterOptions

    enum Method: String, ExpressibleByArgument, CaseIterable {
        case strubell
        case llama
    }

    func validate() throws {
        if year != nil, region == nil {
            throw ValidationError("--year is that of the factor of --region: give --region too")
        }
        if let net = netFactorGPerKwh?.figure, net < .zero {
            throw ValidationError("--net-factor-g-per-kwh is below zero: correct it")
        }
    }

    func run() throws {
        let result = try EstimateResult(self)
        if options.json { return Output.json(result.json) }
        Output.text(result.text)
    }
}

/// Floating-point operations by the two formulas of the Commission's guidelines.
struct ComputeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Operations of the training run.", valueName: "flop"))
    var flop: Decimal?
    @Option(help: ArgumentHelp("Rate of one device; sustained, or peak with --utilisation.", valueName: "flop/s"))
    var flopPerS: Decimal?
    @Option(help: ArgumentHelp("Share of the peak rate, above 0 to 1.", valueName: "u"))
    var utilisation: Decimal?
    @Option(help: "What the utilisation was: mfu, hfu, tensor-activity or occupancy.")
    var utilisationKind: Kind = .mfu
    @Option(help: ArgumentHelp("Parameters of a dense model, for 6 · P · D.", valueName: "p"))
    var parameters: Decimal?
    @Option(help: ArgumentHelp("Tokens trained on, for 6 · P · D.", valueName: "d"))
    var tokens: Decimal?

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case mfu
        case hfu
        case tensorActivity = "tensor-activity"
        case occupancy

        var kind: TrainingCompute.UtilisationKind {
            switch self {
            case .mfu: .modelFlop
            case .hfu: .hardwareFlop
            case .tensorActivity: .tensorActivity
            case .occupancy: .occupancy
            }
        }
    }

    func validate() throws {
        if (parameters == nil) != (tokens == nil) {
            throw ValidationError("--parameters and --tokens belong together: give both")
        }
        // Two below zero would make operations above it.
        for (name, value) in [("--parameters", parameters), ("--tokens", tokens)] {
            if let value, value.figure <= .zero { throw ValidationError("\(name) is not above zero: correct it") }
        }
    }
}

/// What cooling and the generation of the electricity used.
struct WaterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Water used at the site for each kWh of IT energy.", valueName: "l/kWh"))
    var wue: Decimal?
    @Option(help: ArgumentHelp("Water that each kWh of its electricity took elsewhere.", valueName: "l/kWh"))
    var wueOffSite: Decimal?

    var use: WaterUse? {
        get throws(EmissionsError) {
            guard wue != nil || wueOffSite != nil else { return nil }
            let use = WaterUse(
                onSiteLitresPerKilowattHour: wue?.figure ?? .zero,
                offSiteLitresPerKilowattHour: wueOffSite?.figure ?? .zero)
            guard use.onSiteLitresPerKilowattHour >= .zero, use.offSiteLitresPerKilowattHour >= .zero else {
                throw EmissionsError(.outOfRange, "water is below zero")
            }
            return use
        }
    }
}

/// What it cost.
struct PriceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Price of a kWh.", valueName: "price"))
    var pricePerKwh: Decimal?
    @Option(help: ArgumentHelp("Price of a device-hour, or LOW..HIGH.", valueName: "price"))
    var pricePerDeviceHour: DecimalSpan?
    @Option(help: ArgumentHelp("Of the prices.", valueName: "code"))
    var currency = "USD"

    func validate() throws {
        if let price = pricePerKwh?.figure, price < .zero {
            throw ValidationError("--price-per-kwh is below zero: correct it")
        }
        if let price = pricePerDeviceHour?.low, price < .zero {
            throw ValidationError("--price-per-device-hour is below zero: correct it")
        }
    }
}
