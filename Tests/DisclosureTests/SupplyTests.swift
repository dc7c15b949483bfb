import Accounts
import Batches
import ClusterSimulation
import Emissions
import Energy
import JSONText
import Testing
import TransparencyLog

@testable import Disclosure

@Suite struct SupplyTests {
    /// 10 kWh on one recorded node in one hour at the site `archive`.
    private func log(_ settings: [(field: String, subject: String?, value: String)]) throws -> SyntheticLog {
        var log = try SyntheticLog(seed: 51)
        try log.enrol("importer", role: .importer, site: "archive")
        let job = log.record("1")
        let window = UTCInterval(start: log.now, end: UTCTime(microseconds: log.now.microseconds + 1_800_000_000))
        try log.job(job, .start, witness: .importer, start: window.start, stop: window.end, expected: 1)
        try log.importLog("m1", job: job.pseudonym, interval: window, joules: 36_000_000, by: "importer")
        for setting in settings { try log.set(setting.field, of: setting.subject, setting.value) }
        return log
    }

    private func value(_ log: SyntheticLog, factors: [String: [UInt8]] = [:]) throws -> JSONValue {
        var input = try log.disclosureInput(examplePeriod)
        input.factorFiles = factors
        return Disclosure(input).value
    }

    private func reasons(_ value: JSONValue, _ field: String) -> [String] {
        (value["missing"]?.array ?? []).filter { $0["field"]?.string == field }.compactMap { $0["reason"]?.string }
    }

    @Test func withoutSettingsEverythingButEnergyIsNullWithAReason() throws {
        let value = try value(log([]))
        #expect(value["energy"]?["it_uj"]?.string == "36000000000000")
        #expect(value["energy"]?["it_mwh"]?.number?.text == "0.01")
        #expect(value["energy"]?["facility_mwh"]?.isNull == true)
        #expect(value["emissions"]?["location_t"]?.isNull == true)
        #expect(value["pue"]?.isNull == true)
        for field in ["energy.facility_mwh", "emissions.location_t", "pue", "zones"] {
            #expect(!reasons(value, field).isEmpty, "\(field)")
        }
    }

    @Test func placeAndPUEGiveFacilityEnergyAndEmissions() throws {
        let settings =
            [
                (SettingField.siteZone, "archive", "\"DE\""),
                (SettingField.sitePUE, "archive", "{\"value\":1.25,\"source\":\"metered\"}"),
            ] as [(String, String?, String)]
        let value = try value(log(settings))
        #expect(value["energy"]?["facility_mwh"]?.number?.text == "0.0125")
        #expect(value["pue"]?["value"]?.number?.text == "1.25")
        #expect(value["pue"]?["source"]?.string == "metered")
        // 12.5 kWh at 344.13992 g/kWh of 2024, two years before the period.
        #expect(value["emissions"]?["location_t"]?.number?.text == "0.004302")
        #expect(value["zones"]?.array?.first?["zone"]?.string == "DE")
        #expect(value["zones"]?.array?.first?["energy_uj"]?.string == "36000000000000")
        #expect(value["emissions"]?["factors"]?.array?.first?["scope"]?.string == "lifecycle")
        #expect(
            value["checks"]?.array?.contains { $0["id"]?.string == "implied-factor" && $0["passed"]?.bool == true }
                == true)
    }

    @Test func aFactorFileIsReadByItsHash() throws {
        let table = Array("zone,period,g_per_kwh\nXX,2026,200\n".utf8)
        let sha256 = MerkleHash.sha256(of: table).hexadecimal
        let settings =
            [
                (SettingField.siteZone, "archive", "\"XX\""),
                (SettingField.factorSet, nil, "[{\"sha256\":\"\(sha256)\",\"scope\":\"direct\",\"provider\":\"P\"}]"),
            ] as [(String, String?, String)]
        let log = try log(settings)
        let found = try value(log, factors: [sha256: table])
        #expect(found["emissions"]?["location_t"]?.number?.text == "0.002")
        #expect(found["emissions"]?["basis"]?.string == "it")
        let lost = try value(log)
        #expect(lost["emissions"]?["location_t"]?.isNull == true)
        #expect(
            reasons(lost, "emissions")
                == ["the table P (\(sha256)) cannot be read: the file is not at hand, or is damaged"])
        #expect(lost["zones"]?.array?.first?["energy_uj"]?.string == "36000000000000")
        #expect(lost["zones"]?.array?.first?["location_t"]?.isNull == true)
        #expect(lost["method"]?["factor_set_sha256"]?.isNull == true)
    }

    /// Of two tables one is lost: what rests on the other stands, and what could rest on the lost one does not.
    @Test(arguments: [true, false]) func aLostTableTakesAwayWhatRestsOnIt(isFirst: Bool) throws {
        var log = try SyntheticLog(seed: 53)
        for (site, zone) in [("archive", "XX"), ("annex", "YY")] {
            try log.enrol("importer-\(site)", role: .importer, site: site)
            try log.set(SettingField.siteZone, of: site, "\"\(zone)\"")
            let job = log.record(site)
            let window = UTCInterval(start: log.now, end: UTCTime(microseconds: log.now.microseconds + 1_800_000_000))
            try log.job(job, .start, witness: .importer, start: window.start, stop: window.end, expected: 1)
            try log.importLog(
                "m-\(site)", job: job.pseudonym, interval: window, joules: 36_000_000, by: "importer-\(site)")
        }
        func table(_ text: String) throws -> (declaration: JSONValue, bytes: [UInt8]) {
            let bytes = Array("zone,period,g_per_kwh\n\(text)".utf8)
            let declaration: JSONValue = ["provider": "P", "version": "1", "licence": "L"]
            let checked = try FactorDeclaration.checked(
                declaration, sha256: MerkleHash.sha256(of: bytes).hexadecimal, bytes: bytes)
            return (checked.value, bytes)
        }
        let lost = try table("YY,2026,300\n")
        let kept = try table("XX,2026,200\nYY,2026,1\n")
        let list = isFirst ? [lost, kept] : [kept, lost]
        try log.set(SettingField.factorSet, of: nil, JSONValue.array(list.map(\.declaration)).text())
        let files = [MerkleHash.sha256(of: kept.bytes).hexadecimal: kept.bytes]
        let value = try value(log, factors: files)
        let zones = try #require(value["zones"]?.array)
        #expect(zones.map { $0["zone"]?.string } == ["XX", "YY"])
        #expect(zones[0]["location_t"]?.number?.text == "0.002")
        #expect(zones[1]["location_t"]?.isNull == true)
        #expect(value["emissions"]?["location_t"]?.isNull == true)
        #expect(reasons(value, "emissions").first?.contains("not at hand") == true)
        #expect(reasons(value, "emissions.location_t").first?.contains("zone YY may be one of the table P 1") == true)
        // Whose zones nobody wrote down could have any of them, unless a better factor than all stands before it.
        var bare = try #require(lost.declaration.object)
        bare.set("zones", .null)
        let unknown = JSONValue.array(isFirst ? [.object(bare), kept.declaration] : [kept.declaration, .object(bare)])
        try log.set(SettingField.factorSet, of: nil, unknown.text())
        #expect(try self.value(log, factors: files)["zones"]?.array?.first?["location_t"]?.isNull == true)
    }

    /// A table that this program cannot read any more is named, with the place.
    @Test func aTableThatCannotBeReadSaysWhere() throws {
        let (good, bad) = (Array("zone,period,g_per_kwh\nXX,2026,200\n".utf8), Array("zone,period\nYY,2026\n".utf8))
        let (first, second) = (
            MerkleHash.sha256(of: good).hexadecimal, MerkleHash.sha256(of: bad).hexadecimal
        )
        let list = """
            [{"sha256":"\(first)","provider":"P"},{"sha256":"\(second)","provider":"Q","zones":["YY"]}]
            """
        let log = try log([(SettingField.siteZone, "archive", "\"XX\""), (SettingField.factorSet, nil, list)])
        let value = try value(log, factors: [first: good, second: bad])
        #expect(value["emissions"]?["location_t"]?.number?.text == "0.002")
        #expect(reasons(value, "emissions").first?.contains("Q (\(second)) cannot be read: line 1") == true)
    }

    @Test func anImpossiblePUEIsRefusedAndFailsItsCheck() throws {
        let value = try value(log([(SettingField.sitePUE, "archive", "0.9")]))
        #expect(value["energy"]?["facility_mwh"]?.isNull == true)
        #expect(value["checks"]?.array?.contains { $0["id"]?.string == "pue" && $0["passed"]?.bool == false } == true)
    }

    @Test func contractsGiveTheMarketFigure() throws {
        let instrument = """
            {"kind":"go","certificate_ids":["c1"],"market":"DE","start":"2026-01-01T00:00Z","end":"2027-01-01T00:00Z",
            "mwh":"0.004","retired_for":"Acme & Söhne <AI>","g_per_kwh":0,"document_sha256":"00"}
            """
        let settings =
            [
                (SettingField.siteZone, "archive", "\"DE\""), (SettingField.instrument, "go-1", instrument),
            ] as [(String, String?, String)]
        let value = try value(log(settings))
        #expect(value["emissions"]?["location_t"]?.number?.text == "0.003441")
        #expect(value["emissions"]?["market_t"]?.number?.text == "0.002065")
        #expect(value["emissions"]?["matched_share"]?.number?.text == "0.4")
        #expect(value["emissions"]?["instruments"]?.array?.first?["id"]?.string == "go-1")
        // Of a year's certificate nobody knows the hours: no figure, and no zero.
        #expect(value["emissions"]?["matched_share_hourly"]?.isNull == true)
        #expect(value["emissions"]?["market_t_hourly"]?.isNull == true)
    }

    /// Contracts that cover all that has a zone do not cover what has none.
    @Test func aShareOfAPartIsNone() throws {
        var log = try exampleLog(seed: 53)
        try log.set(SettingField.siteZone, of: "archive", "\"DE\"")
        let instrument = """
            {"kind":"go","certificate_ids":["c1"],"market":"DE","start":"2026-01-01T00:00Z","end":"2027-01-01T00:00Z",
            "mwh":"900","retired_for":"Acme & Söhne <AI>","g_per_kwh":0,"document_sha256":""}
            """
        try log.set(SettingField.instrument, of: "go-1", instrument)
        let part = try value(log)
        #expect(part["zones"]?.array?.compactMap { $0["market_t"]?.number?.text } == ["0"])
        for field in ["market_t", "matched_share", "market_t_hourly", "matched_share_hourly"] {
            #expect(part["emissions"]?[field]?.isNull == true, "\(field)")
            let told = reasons(part, "emissions.\(field)")
            #expect(told.contains { $0.contains(SettingField.siteZone) }, "\(field): \(told)")
        }
        try log.set(SettingField.siteZone, of: "north", "\"DE\"")
        #expect(try value(log)["emissions"]?["matched_share"]?.number?.text == "1")
    }

    /// A registry keeps the name under which it retired a certificate.
    @Test func aRenamedOrganizationKeepsItsCertificates() throws {
        func instrument(_ name: String, _ certificate: String) -> String {
            """
            {"kind":"go","certificate_ids":["\(certificate)"],"market":"DE","start":"2026-01-01T00:00Z",
            "end":"2027-01-01T00:00Z","mwh":"0.004","retired_for":"\(name)","g_per_kwh":0,"document_sha256":""}
            """
        }
        let value = try value(
            log([
                (SettingField.siteZone, "archive", "\"DE\""),
                (SettingField.instrument, "before", instrument("Acme & Söhne <AI>", "c1")),
                (SettingField.instrument, "since", instrument("Umbra AI", "c2")),
                (SettingField.instrument, "theirs", instrument("Somebody Else", "c3")),
                (SettingField.organizationName, nil, "\"Umbra AI\""),
            ]))
        #expect(value["organization"]?["name"]?.string == "Umbra AI")
        #expect(value["emissions"]?["matched_share"]?.number?.text == "0.8")
        let refused = value["emissions"]?["instruments"]?.array?.filter { $0["refused"] != nil } ?? []
        #expect(refused.map { $0["id"]?.string } == ["theirs"])
        #expect(refused.first?["refused"]?.array?.first == "retired for 'Somebody Else', not for 'Umbra AI'")
    }

    @Test func aRestatementTellsEveryTotalThatIsNotWhatItWas() throws {
        func disclosure(_ powerUsage: String) throws -> Disclosure {
            Disclosure(
                try log([
                    (SettingField.siteZone, "archive", "\"DE\""), (SettingField.sitePUE, "archive", powerUsage),
                ]).disclosureInput(examplePeriod))
        }
        let (before, after) = (try disclosure("1.25"), try disclosure("1.5"))
        let effect = try #require(IssuedDisclosure.effect(of: after, against: before.value))
        #expect(
            effect.hasPrefix(
                "it_uj from 36000000000000 to 36000000000000, 0 %; facility_mwh from 0.0125 to 0.015, 20 %; "
                    + "emissions.location_t from "), "\(effect)")
        #expect(
            IssuedDisclosure.effect(of: before, against: before.value)
                == "it_uj from 36000000000000 to 36000000000000, 0 %")
    }

    /// 10 kWh are drawn in one hour; the first instrument generated in the hour after, the second 1 kWh in that hour.
    @Test func contractsThatTellTheirHoursAreMatchedByTheHour() throws {
        let hour = try SyntheticLog(seed: 51).now.hour
        func instrument(_ certificate: String, _ more: String) -> String {
            """
            {"kind":"ppa","certificate_ids":["\(certificate)"],"market":"DE",
            "start":"\(TimeText.rfc3339(UTCTime(hour: hour)))",
            "end":"\(TimeText.rfc3339(UTCTime(hour: hour + 2)))",
            "mwh":"0.004","hourly_mwh":[\(more)],"retired_for":"Acme & Söhne <AI>","g_per_kwh":0,"document_sha256":""}
            """
        }
        let value = try value(
            log([
                (SettingField.siteZone, "archive", "\"DE\""),
                (SettingField.instrument, "later", instrument("c1", "0,0.003")),
                (SettingField.instrument, "then", instrument("c2", "\"0.001\"")),
                (SettingField.instrument, "too-long", instrument("c3", "0,0,1")),
            ]))
        #expect(value["emissions"]?["matched_share"]?.number?.text == "0.4")
        #expect(value["emissions"]?["matched_share_hourly"]?.number?.text == "0.1")
        #expect(value["emissions"]?["market_t"]?.number?.text == "0.002065")
        #expect(value["emissions"]?["market_t_hourly"]?.number?.text == "0.003097")
        let refused = value["emissions"]?["instruments"]?.array?.filter { $0["refused"] != nil }
        #expect(refused?.compactMap { $0["id"]?.string } == ["too-long"], "\(refused ?? [])")
    }

    /// 10 kWh in one hour, 6 kWh in a later one of the same year; a certificate of 12 kWh covers both in part.
    @Test(arguments: [true, false]) func aCertificateOfAYearIsNotCountedTwiceInPartsOfIt(ownReplay: Bool) throws {
        let instrument = """
            {"kind":"go","certificate_ids":["c1"],"market":"DE","start":"2026-01-01T00:00Z","end":"2027-01-01T00:00Z",
            "mwh":"0.012","retired_for":"Acme & Söhne <AI>","g_per_kwh":0,"document_sha256":""}
            """
        var log = try log([
            (SettingField.siteZone, "archive", "\"DE\""), (SettingField.instrument, "go-1", instrument),
        ])
        let job = log.record("2")
        let start = UTCTime(hour: log.now.hour + 30)
        let window = UTCInterval(start: start, end: UTCTime(microseconds: start.microseconds + 1_800_000_000))
        log.now = UTCTime(hour: start.hour + 1)
        try log.job(job, .start, witness: .importer, start: window.start, stop: window.end, expected: 1)
        try log.importLog("m2", job: job.pseudonym, interval: window, joules: 21_600_000, by: "importer")
        func emissions(_ period: UTCInterval, _ method: CalculationMethod = .newest) throws -> JSONValue {
            var input = try log.disclosureInput(period)
            input.method = method
            if !ownReplay { input.accounts = try log.accounts() }
            return try #require(Disclosure(input).value["emissions"])
        }
        let later = UTCInterval(start: start, end: UTCTime(hour: start.hour + 1))
        let (first, second) = (try emissions(examplePeriod), try emissions(later))
        #expect(first["matched_share"]?.number?.text == "1")
        #expect(first["instruments"]?.array?.first?["mwh_used_before"]?.number?.text == "0")
        // 2 of 12 kWh are left.
        #expect(second["matched_share"]?.number?.text == "0.333333")
        #expect(second["instruments"]?.array?.first?["mwh_used_before"]?.number?.text == "0.01")
        let whole = try emissions(UTCInterval(start: examplePeriod.start, end: later.end))
        #expect(whole["matched_share"]?.number?.text == "0.75")
        #expect(whole["market_t"] == second["market_t"])
        // As method 1 has it, the certificate is whole in each report.
        #expect(try emissions(later, .method1)["matched_share"]?.number?.text == "1")
    }

    @Test func anInstrumentThatCannotBeReadIsRefusedAlone() throws {
        let value = try value(
            log([
                (SettingField.siteZone, "archive", "\"DE\""), (SettingField.instrument, "half", "{\"kind\":\"go\"}"),
            ]))
        let emissions = try #require(value["emissions"])
        #expect(emissions["location_t"]?.number?.text == "0.003441")
        #expect(emissions["market_t"]?.number?.text == "0.003441")
        #expect(value["zones"]?.array?.first?["market_t"]?.number?.text == "0.003441")
        #expect(
            emissions["instruments"]?.array?.first?["refused"]?.array?.compactMap(\.string)
                == ["instrument half: mwh is missing"])
    }

    /// A node that moved counts where it was, in the report and on the way down from it.
    @Test func energyBySiteFollowsTheNode() throws {
        let input = try log([(SettingField.nodeSite, "m1", "\"annex\"")]).disclosureInput(examplePeriod)
        let sites = Disclosure(input).value["energy"]?["by_site"]?.object?.members.map { ($0.name, $0.value.string) }
        #expect(sites?.first?.0 == "annex")
        #expect(sites?.first?.1 == "36000000000000")
        #expect(sites?.count == 1)
        #expect(FigureTrace(input).sums.contains { $0.path.text == "energy.by_site.annex" })
        var older = input
        older.method = .method1
        let enrolled = Disclosure(older).value["energy"]?["by_site"]?.object?.members.map(\.name)
        #expect(enrolled == ["archive"])
        #expect(FigureTrace(older).sums.contains { $0.path.text == "energy.by_site.archive" })
    }

    /// 10 kWh in each of two hours, with another PUE and another WUE in the second.
    private func twoHours(_ method: CalculationMethod = .newest, hasOnePUE: Bool = false) throws -> JSONValue {
        var log = try SyntheticLog(seed: 52)
        try log.enrol("importer", role: .importer, site: "archive")
        let window = UTCInterval(start: log.now, end: UTCTime(hour: log.now.hour + 2))
        let turn = UTCTime(hour: log.now.hour + 1)
        let job = log.record("1", labels: ["model": "m"])
        try log.job(job, .start, witness: .importer, start: window.start, stop: window.end, expected: 1)
        try log.importLog("m1", job: job.pseudonym, interval: window, joules: 72_000_000, by: "importer")
        try log.set(SettingField.sitePUE, of: "archive", "1.2", until: turn)
        try log.set(SettingField.sitePUE, of: "archive", hasOnePUE ? "1.2" : "1.4", from: turn)
        try log.set(SettingField.siteWater, of: "archive", "{\"on_site\":1,\"off_site\":3}", until: turn)
        try log.set(SettingField.siteWater, of: "archive", "{\"on_site\":2,\"off_site\":3}", from: turn)
        let making = "\"boundary\":\"cradle-to-gate\",\"source\":\"maker\",\"lifetime_years\":1}"
        try log.set(SettingField.siteEmbodied, of: "archive", "{\"kg_per_server\":8760,\(making)", until: turn)
        try log.set(SettingField.siteEmbodied, of: "archive", "{\"kg_per_server\":17520,\(making)", from: turn)
        var input = try log.disclosureInput(examplePeriod)
        input.method = method
        return Disclosure(input).value
    }

    /// What held at the end held for all of the period, and several PUEs gave no water.
    @Test func methodOneTakesWhatHoldsAtTheEnd() throws {
        let value = try twoHours(.method1)
        #expect(value["method"]?["version"]?.string == "1")
        #expect(value["embodied"]?["kg"]?.number?.text == "4")
        #expect(value["water"]?.isNull == true)
        #expect(reasons(value, "water").first?.contains("one PUE for the period") == true)
        // 20 · (2 + 1.2 · 3) litres.
        #expect(try twoHours(.method1, hasOnePUE: true)["water"]?["cubic_metres"]?.number?.text == "0.112")
        #expect(row("energy", of: "m", in: value)?["note"]?.string?.contains("by PUE 1.3") == true)
    }

    @Test func resourcesFollowWhatHoldsInEachHour() throws {
        let value = try twoHours()
        // One kilogram in the first hour of a life of a year, two in the second.
        #expect(value["embodied"]?["kg"]?.number?.text == "3")
        #expect(value["embodied"]?["node_hours"]?.int64 == 2)
        #expect(value["embodied"]?["inputs"]?.array?.count == 2)
        let water = try #require(value["water"])
        // 10 · (1 + 1.2 · 3) + 10 · (2 + 1.4 · 3) litres.
        #expect(water["cubic_metres"]?.number?.text == "0.108")
        #expect(water["sites"]?.array?.compactMap { $0["litres"]?.number?.text } == ["46", "62"])
    }

    private func row(_ id: String, of model: String, in value: JSONValue) -> JSONValue? {
        let form = value["model_documentation"]?.array?.first { $0["model"]?.string == model }
        return form?["rows"]?.array?.first { $0["id"]?.string == id }
    }

    /// The site's other energy has another PUE at other times: a mean of the organization would be wrong for the model.
    @Test func aModelsEnergyHasThePUEOfItsOwnHours() throws {
        let energy = row("energy", of: "m", in: try twoHours())
        #expect(energy?["value"]?.string == "0.0260")
        #expect(energy?["note"]?.string?.contains("by the meter or the PUE of each site and hour") == true)
    }

    /// What one model lacks is said of it alone.
    @Test func aModelWithoutOperationsLeavesTheOthersTheirs() throws {
        var log = try log([(SettingField.modelCompute, "known", "{\"parameters\":\"7e9\",\"tokens\":\"2e12\"}")])
        for (name, model) in [("2", "known"), ("3", "bare")] {
            let job = log.record(name, labels: ["model": model])
            let start = log.now
            try log.job(job, .start, witness: .importer, start: start, stop: UTCTime(hour: start.hour + 1), expected: 1)
            let end = UTCTime(microseconds: start.microseconds + 600_000_000)
            try log.importLog(
                "n\(name)", job: job.pseudonym, interval: UTCInterval(start: start, end: end), joules: 600_000,
                by: "importer")
        }
        let value = try value(log)
        #expect(row("compute", of: "known", in: value)?["value"]?.string == "8.4e22")
        #expect(row("compute", of: "bare", in: value)?["value"]?.isNull == true)
        #expect(row("compute", of: "bare", in: value)?["note"]?.string?.contains(SettingField.modelCompute) == true)
        #expect(value["compute"]?["flop"]?.isNull == true)
        #expect(value["compute"]?["by_model"]?["known"]?.string == "84000000000000000000000")
        #expect(reasons(value, "compute.flop").first?.hasPrefix("1 of 2 models: ") == true)
    }

    @Test(arguments: ["0.01", "\"0.01\""]) func aMeterClassIsANumberOrAText(limit: String) throws {
        let settings = Boundary.allCases.map {
            (SettingField.meterClass, Optional($0.name), "{\"relative_limit\":\(limit)}")
        }
        #expect(try value(log(settings))["uncertainty"]?["relative_k2"]?.number?.text == "0.012")
    }

    /// What an importer says of a table is held against the table, before either is in the log.
    @Test func aDeclarationIsHeldAgainstItsTable() throws {
        func checked(_ more: [(String, JSONValue)], _ text: String) throws -> JSONValue {
            let bytes = Array(text.utf8)
            var declaration = JSONObject()
            let who: [(String, JSONValue)] = [("provider", "P"), ("version", "1"), ("licence", "L")]
            for (name, value) in who + more { declaration.append(name, value) }
            return try FactorDeclaration.checked(
                .object(declaration), sha256: MerkleHash.sha256(of: bytes).hexadecimal, bytes: bytes
            ).value
        }
        let ember = "Entity,Code,Year,Carbon intensity of electricity - gCO2/kWh\nDenmark,DNK,2024,143.3\n"
        #expect(try checked([("format", "ember")], ember)["scope"] == "lifecycle")
        #expect(throws: (any Error).self) { try checked([("format", "ember"), ("scope", "direct")], ember) }
        #expect(throws: (any Error).self) { try checked([], "zone,period,g_per_kwh\n") }
        #expect(try checked([], "zone,period,g_per_kwh\nX,2024,1\n")["scope"] == "unknown")
        // Which of two columns of one name is meant nobody can tell.
        let twice = "zone,period,g_per_kwh,G per kWh\nX,2024,1,300\n"
        let error = #expect(throws: EmissionsError.self) { try checked([], twice) }
        #expect(error?.code == .malformedTable && error?.message.contains("two columns") == true)
        #expect(throws: EmissionsError.self) {
            try checked([("format", "egrid")], "YEAR,SUBRGN,SRC2ERTA,SRC2ERTA\n2022,CAMX,497.4,1\n")
        }
        // A year that is stated against the table's own would be passed over.
        let grid = "YEAR,SUBRGN,SRC2ERTA\n2023,CAMX,497.4\n"
        #expect(try checked([("format", "egrid"), ("period", "2023")], grid)["scope"] == "direct")
        let year = #expect(throws: EmissionsError.self) {
            try checked([("format", "egrid"), ("period", "2022")], grid)
        }
        #expect(year?.code == .conflict && year?.message.contains("of 2023, not of 2022") == true)
        // Columns that nobody named are none.
        #expect(try checked([], "zone,period,g_per_kwh,,\nX,2024,1,,\n")["scope"] == "unknown")
    }

    /// What is in a log cannot change its meaning: a table that was taken before is read by the first column still.
    @Test func aLoggedTableWithAColumnTwiceIsReadAsItWas() throws {
        let bytes = Array("zone,period,g_per_kwh,g_per_kwh\nX,2024,1,300\n".utf8)
        let sha256 = MerkleHash.sha256(of: bytes).hexadecimal
        let declared: JSONValue = [["sha256": .string(sha256), "provider": "P"]]
        let set = try FactorSet.listed(declared, files: [sha256: bytes])
        #expect(set.files.first?.factors.first?.microgramsPerKilowattHour == 1_000_000)
        #expect(set.unread.isEmpty)
    }

    /// What a table does not tell is stated beside it, and stands with every figure.
    @Test func whatATableDoesNotTellIsDeclared() throws {
        func file(_ declaration: String, _ text: String) throws -> FactorFile {
            let bytes = Array(text.utf8)
            let who = "{\"provider\":\"P\",\"version\":\"1\",\"licence\":\"L\""
            let json = try JSONValue(parsing: Array((who + declaration + "}").utf8))
            return try FactorDeclaration.checked(
                json, sha256: MerkleHash.sha256(of: bytes).hexadecimal, bytes: bytes
            ).file
        }
        let bare = "zone,g_per_kwh\nX,1\n"
        #expect(try file(",\"period\":\"2024-03\"", bare).factors.first?.period.text == "2024-03")
        #expect(throws: EmissionsError.self) { try file("", bare) }
        for (more, text) in [
            (",\"period\":\"spring\"", bare), (",\"period\":2024", bare),
            (",\"period\":\"2024\"", "zone,period,g_per_kwh\nX,2023,1\n"),
            (",\"granularity\":\"year\",\"period\":\"2024\"", bare),
            (",\"format\":\"egrid\",\"period\":\"2024-03\"", "SUBRGN,SRC2ERTA\nCAMX,497.4\n"),
        ] { #expect(throws: EmissionsError.self, "\(more)") { try file(more, text) } }
        let grid = try file(
            ",\"format\":\"egrid\",\"period\":\"2022\",\"warming_potentials\":\"AR5\"",
            "SUBRGN,SRC2ERTA\nCAMX,497.4\n")
        #expect(grid.factors.first?.period.text == "2022")
        #expect(grid.basis.warmingPotentials == .fifth && grid.basis.scope == .direct)
        // One row, which may stand for an hour or for a year.
        let maps =
            "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"
            + "Carbon Intensity gCO₂eq/kWh (LCA)\n2024-01-01 00:00:00,Denmark,West,DK-DK1,90,130\n"
        let yearly = try file(
            ",\"format\":\"electricity-maps\",\"scope\":\"direct\",\"granularity\":\"year\"", maps)
        #expect(yearly.factors.first?.period.text == "2024")
    }
}
