import ArgumentParser
import FoundationEssentials
import JSONText
import Testing

@testable import wattest

/// Each row of each published table goes through the command as somebody would type it; what comes out is what was
/// printed, within the row's tolerance, and a row that cannot be computed says so.
@Suite struct AcceptanceTests {
    private static let directory =
        #filePath.dropLast("/WattestTests/AcceptanceTests.swift".utf8.count)
        + "/EmissionsTests/Fixtures/acceptance"

    typealias Row = [String: String]

    private static func rows(_ name: String) throws -> [Row] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: "\(directory)/\(name)")), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline)
        let header = try #require(lines.first).split(separator: ",").map(String.init)
        return lines.dropFirst().map { line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return Dictionary(zip(header, fields)) { first, _ in first }
        }
    }

    private func estimate(_ options: String) throws -> JSONValue {
        let words = options.split(separator: " ").map(String.init)
        return try EstimateResult(
            #require(try Wattest.parseAsRoot(["estimate"] + words + ["--json"]) as? EstimateCommand)
        ).json
    }

    private func expect(_ value: JSONValue?, _ printed: String?, _ tolerance: String?, _ place: String) throws {
        let figure = try #require(value?.number?.double, "\(place): \(value ?? .null)")
        let printed = try #require(printed.flatMap(Double.init), "\(place)")
        let limit = try #require(tolerance.flatMap(Double.init), "\(place)") * abs(printed)
        #expect(abs(figure - printed) <= limit, "\(place): \(figure), printed \(printed)")
    }

    @Test func everyTableInTheDirectoryIsWalked() throws {
        let walked = ["carbontracker2020", "patterson2021", "published", "scope2-matching", "strubell2019"]
        let names = try FileManager.default.contentsOfDirectory(atPath: String(Self.directory))
        #expect(names.filter { $0.hasSuffix(".csv") }.sorted() == walked.map { "\($0).csv" })
    }

    @Test func strubell2019() throws {
        for row in try Self.rows("strubell2019.csv") {
            let id = row["id"] ?? ""
            let power = row["power_w"].flatMap { $0.isEmpty ? nil : "--power-w \($0)" } ?? ""
            let value = try estimate(
                "\(power) --hours \(row["hours_true"] ?? "") --pue 1.58 --factor-lb-per-mwh 954")
            guard !power.isEmpty else {
                #expect(value["kwh"]?.isNull == true && value["lb_co2e"]?.isNull == true, "\(id)")
                #expect(value["missing"]?.array?.contains("energy: power is not given") == true, "\(id)")
                continue
            }
            try expect(value["kwh"], row["pub_kwh_pue"], row["tol"], "\(id) kWh")
            try expect(value["lb_co2e"], row["pub_lb"], row["tol"], "\(id) lb")
        }
    }

    @Test func carbontracker2020() throws {
        for row in try Self.rows("carbontracker2020.csv") {
            let id = row["id"] ?? ""
            let value = try estimate(
                "--flop \(row["flop"] ?? "") --flop-per-s \(row["flop_per_s"] ?? "") --power-w \(row["tdp_w"] ?? "") "
                    + "--pue \(row["pue"] ?? "") --factor-g-per-kwh \(row["ef_g_per_kwh"] ?? "")")
            try expect(value["device_seconds"], row["pub_gpu_s"], row["tol"], "\(id) s")
            try expect(value["kwh"], row["pub_kwh"], row["tol"], "\(id) kWh")
            try expect(value["kg_co2e"], row["pub_kg"], row["tol"], "\(id) kg")
            let grams = row["pub_g"].flatMap(Double.init).map { "\($0 / 1000)" }
            try expect(value["kg_co2e"], grams, row["tol"], "\(id) g")
            let kilometres = value["equivalences"]?.array?.first { $0["id"] == "car-km-2018" }
            try expect(kilometres?["count"], row["pub_km"], row["tol"], "\(id) km")
        }
    }

    @Test func patterson2021() throws {
        for row in try Self.rows("patterson2021.csv") {
            let id = row["id"] ?? ""
            func grams(_ name: String) throws -> Double { try #require(row[name].flatMap(Double.init)) * 1000 }
            let value = try estimate(
                "--power-w \(row["watt"] ?? "") --devices \(row["chips"] ?? "") --days \(row["days"] ?? "") "
                    + "--pue \(row["pue"] ?? "") --factor-g-per-kwh \(grams("gross_kg_kwh")) "
                    + "--net-factor-g-per-kwh \(grams("net_kg_kwh"))")
            try expect(value["mwh"], row["pub_mwh"], row["tol_mwh"], "\(id) MWh")
            try expect(value["t_co2e"], row["pub_gross_t"], row["tol_t"], "\(id) gross")
            try expect(value["net_t_co2e"], row["pub_net_t"], row["tol_t"], "\(id) net")
        }
    }

    @Test func scope2Matching() throws {
        for row in try Self.rows("scope2-matching.csv") {
            let residual = try #require(row["residual_t_per_mwh"].flatMap(Double.init)) * 1000
            let words = [
                "estimate", "matching", "--load-mwh", row["load_mwh_by_hour"] ?? "", "--supply-mwh",
                row["supply_mwh_by_hour"] ?? "", "--residual-g-per-kwh", "\(residual)", "--json",
            ]
            let value = try #require(try Wattest.parseAsRoot(words) as? EstimateCommand.Matching).json()
            for name in ["annual_matched", "annual_t", "hourly_matched", "hourly_t"] {
                #expect(value[name]?.number?.double == row[name].flatMap(Double.init), "\(row["id"] ?? "") \(name)")
            }
        }
    }

    /// Tables beyond those: an empty figure is one that the table's inputs do not give, which is said and never zero.
    @Test func otherTablesInPrint() throws {
        let rows = try Self.rows("published.csv")
        #expect(rows.count > 40)
        for row in rows {
            let place = "\(row["id"] ?? "") \(row["field"] ?? "")"
            let answer = try estimate(#require(row["options"]))
            let value = row["field"]?.split(separator: ".").reduce(answer as JSONValue?) { $0?[String($1)] }
            guard row["printed"] != "" else {
                #expect(value?.isNull == true, "\(place)")
                #expect(answer["missing"]?.array?.isEmpty == false, "\(place)")
                continue
            }
            try expect(value, row["printed"], row["tol"], place)
        }
    }
}
