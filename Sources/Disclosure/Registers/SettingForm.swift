import Accounts
import Emissions
import Energy
package import JSONText
import TransparencyLog

/// What the fields that reports read can hold.
///
/// It stands at the door alone: an entry that is in the log already stays, and a report says what it lacks.
package enum SettingForm {
    /// Why no report could use a value, in a line that says what is allowed; nil for a value that is sound, and for any
    /// value of a field that reports do not read.
    package static func fault(of value: JSONValue, in field: String, subject: String? = nil) -> String? {
        guard let allowed = allowed(field), !isAllowed(value, field, subject) else { return nil }
        return "\(field) is \(allowed)"
    }

    /// Why nothing would ever read what is set about this subject, or about none; nil where it is sound.
    package static func fault(ofSubject subject: String?, in field: String) -> String? {
        switch field {
        case SettingField.legalEntityIdentifier, SettingField.organizationName, SettingField.methodText,
            SettingField.factorSet, SettingField.residualMix, SettingField.accountMap:
            return subject == nil ? nil : "\(field) is the organization's, and has no subject"
        default:
            guard let kind = kind(ofSubject: field), subject?.isEmpty ?? true else { return nil }
            return "\(field) is of \(kind), which has to be named"
        }
    }

    private static func kind(ofSubject field: String) -> String? {
        switch field {
        case SettingField.siteZone, SettingField.siteMarket, SettingField.sitePUE, SettingField.siteWater,
            SettingField.siteEmbodied:
            "a site"
        case SettingField.nodeSite, SettingField.nodeEmbodied: "a node"
        case SettingField.jobClass, SettingField.jobModel, SettingField.jobActivity, SettingField.jobRun: "a job"
        case SettingField.modelCompute, SettingField.modelInference: "a model"
        case SettingField.meterClass: "a boundary"
        case SettingField.siteMeter: "a meter"
        case SettingField.instrument: "an instrument"
        default: nil
        }
    }

    private static func allowed(_ field: String) -> String? {
        switch field {
        case SettingField.legalEntityIdentifier: "a text of 20 digits and capital letters"
        case SettingField.organizationName: "a text of 1 to 200 bytes in one line"
        case SettingField.methodText: "a text of 1 to 4,000 bytes"
        case SettingField.siteZone, SettingField.siteMarket, SettingField.nodeSite, SettingField.jobClass,
            SettingField.jobActivity:
            "a text of 1 to 64 bytes in one line"
        case SettingField.jobModel, SettingField.jobRun: "a text of 1 to 256 bytes in one line"
        case SettingField.sitePUE:
            "a number from 1 to 10 with at most four decimals, or {value, category 1, 2 or 3, source metered, stated or"
                + " published}"
        case SettingField.siteWater:
            "a number of litres for each kWh from 0 to 1,000, or {on_site, off_site, source} with such numbers"
        case SettingField.siteEmbodied, SettingField.nodeEmbodied:
            "{kg_per_server or kg_per_device from 0 to 1,000,000, devices from 1 to 1,024, lifetime_years above 0 to"
                + " 100, utilisation above 0 to 1, boundary cradle-to-gate or cradle-to-grave, source}"
        case SettingField.nodeAccelerators: "{model, count from 0 to 1,024, watts from 1 to 1,000,000}"
        case SettingField.nodeNameplate: "a whole number of watts from 1 to 1,000,000, or {watts, source}"
        case SettingField.meterClass:
            "{relative_limit above 0 and below 1, source}, of one of "
                + Boundary.allCases.map(\.name).joined(separator: ", ")
        case SettingField.siteMeter:
            "{site, start, end, mwh of 0 or more, kind, source, nodes} over whole UTC hours"
        case SettingField.instrument:
            "{kind, certificate_ids, market, start, end, mwh of 0 or more, hourly_mwh, retired_for, g_per_kwh from 0 to"
                + " 5,000, document_sha256 of 64 hexadecimal digits}, with no empty name or certificate"
        case SettingField.modelCompute:
            "{flop, method} or {parameters, tokens} or {utilisation above 0 to 1, kind, peak_flop_per_s}, above 0"
        case SettingField.modelInference: "{flop above 0, task, hardware}"
        case SettingField.factorSet, SettingField.residualMix: "a list of {sha256, format, provider, version, …}"
        default: nil
        }
    }

    private static func isAllowed(_ value: JSONValue, _ field: String, _ subject: String?) -> Bool {
        switch field {
        case SettingField.legalEntityIdentifier:
            value.string.map { $0.utf8.count == 20 && $0.utf8.allSatisfy(isDigitOrCapital) } ?? false
        case SettingField.organizationName: isText(value, upTo: 200)
        case SettingField.methodText: isText(value, upTo: 4000, lines: true)
        case SettingField.jobModel, SettingField.jobRun: isText(value, upTo: 256)
        case SettingField.sitePUE: isPUE(value)
        case SettingField.siteWater: isWater(value)
        case SettingField.siteEmbodied, SettingField.nodeEmbodied: isEmbodied(value)
        case SettingField.nodeAccelerators: isAccelerators(value)
        case SettingField.nodeNameplate: isWatts(value.object == nil ? value : value["watts"])
        case SettingField.meterClass:
            (subject.map { name in Boundary.allCases.contains { $0.name == name } } ?? true)
                && isFigure(value.object == nil ? value : value["relative_limit"], above: .zero, below: .one)
        case SettingField.siteMeter: ReconciliationSection.isReading(value)
        case SettingField.instrument: isInstrument(value)
        case SettingField.modelCompute: isCompute(value)
        case SettingField.modelInference: isFigure(value["flop"], above: .zero)
        case SettingField.factorSet, SettingField.residualMix:
            value.array.map { list in !list.isEmpty && list.allSatisfy { (try? FactorTable($0)) != nil } } ?? false
        default: isText(value, upTo: 64)
        }
    }

    // MARK: Texts

    private static func isDigitOrCapital(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    private static func isText(_ value: JSONValue, upTo bytes: Int, lines: Bool = false) -> Bool {
        guard let text = value.string, (1...bytes).contains(text.utf8.count) else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: lines && scalar == "\n"
            default: true
            }
        }
    }

    // MARK: Figures

    private static func isFigure(
        _ value: JSONValue?, from least: DecimalFigure? = nil, above limit: DecimalFigure? = nil,
        upTo most: DecimalFigure? = nil, below ceiling: DecimalFigure? = nil
    ) -> Bool {
        guard let figure = try? SiteWater.figure(value) else { return false }
        if let least, figure < least { return false }
        if let limit, figure <= limit { return false }
        if let most, figure > most { return false }
        if let ceiling, figure >= ceiling { return false }
        return true
    }

    private static func isWatts(_ value: JSONValue?) -> Bool {
        value?.int64.map { (1...1_000_000).contains($0) } ?? false
    }

    /// Nothing, or one of the words.
    private static func isWord<Word: RawRepresentable<String>>(_ value: JSONValue?, _: Word.Type) -> Bool {
        guard let value else { return true }
        return value.string.map { Word(rawValue: $0) != nil } ?? false
    }

    private static func isPUE(_ value: JSONValue) -> Bool {
        let hour = UTCInterval(start: UTCTime(hour: 0), end: UTCTime(hour: 1))
        return (try? SiteSettings.effectiveness(value, over: hour)) != nil
            && isWord(value["category"], PowerUsageEffectiveness.Category.self)
            && isWord(value["source"], PowerUsageEffectiveness.Source.self)
    }

    private static func isWater(_ value: JSONValue) -> Bool {
        let most = DecimalFigure(1000)
        guard value.object != nil else { return isFigure(value, from: .zero, upTo: most) }
        return isFigure(value["on_site"], from: .zero, upTo: most)
            && (value["off_site"].map { isFigure($0, from: .zero, upTo: most) } ?? true)
    }

    private static func isEmbodied(_ value: JSONValue) -> Bool {
        guard (try? NodeEmbodied.parts(of: value)) != nil else { return false }
        let masses = [value["kg_per_server"], value["kg_per_device"]].compactMap(\.self)
        return masses.allSatisfy { isFigure($0, from: .zero, upTo: DecimalFigure(1_000_000)) }
            && isFigure(value["lifetime_years"], above: .zero, upTo: DecimalFigure(100))
            && (value["utilisation"].map { isFigure($0, above: .zero, upTo: .one) } ?? true)
            && (value["devices"].map { $0.int64.map { (1...1024).contains($0) } ?? false } ?? true)
            && isWord(value["boundary"], EmbodiedCarbon.Boundary.self)
    }

    private static func isAccelerators(_ value: JSONValue) -> Bool {
        guard value["model"].map({ isText($0, upTo: 64) }) ?? false, let count = value["count"]?.int64 else {
            return false
        }
        return (0...1024).contains(count) && (value["watts"].map { isWatts($0) } ?? true)
    }

    private static func isInstrument(_ value: JSONValue) -> Bool {
        guard let instrument = try? Instrument(id: "", value), instrument.vintage.start < instrument.vintage.end else {
            return false
        }
        return isWord(value["kind"], Instrument.Kind.self) && isFigure(value["mwh"], from: .zero)
            && isFigure(value["g_per_kwh"], from: .zero, upTo: DecimalFigure(5000))
            && (value["hourly_mwh"]?.array ?? []).allSatisfy { isFigure($0, from: .zero) }
            && (value["market"].map { isText($0, upTo: 64) } ?? true)
            && (value["retired_for"].map { isText($0, upTo: 200) } ?? true)
            && (value["certificate_ids"]?.array ?? []).allSatisfy { isText($0, upTo: 256) }
            && isDigest(value["document_sha256"])
    }

    /// None, or a SHA-256 in hex.
    private static func isDigest(_ value: JSONValue?) -> Bool {
        guard let value else { return true }
        return value.string.map { $0.isEmpty || Hexadecimal.decode($0)?.count == 32 } ?? false
    }

    private static func isCompute(_ value: JSONValue) -> Bool {
        if value["flop"] != nil { return isFigure(value["flop"], above: .zero) }
        if value["parameters"] != nil || value["tokens"] != nil {
            return isFigure(value["parameters"], above: .zero) && isFigure(value["tokens"], above: .zero)
        }
        return isFigure(value["utilisation"], above: .zero, upTo: .one)
            && isFigure(value["peak_flop_per_s"], above: .zero)
    }
}
