import Batches
import JSONText
import NodeAgent

/// What an import brought in, file by file.
struct ImportPage {
    let result: RecordedImport.Result

    /// `energy_uj` is what the job drew; what lies outside its window belongs to nobody and stands beside it.
    var json: JSONValue {
        let nodes = result.files.map { file -> JSONValue in
            [
                "node": .string(file.node), "kind": .string(file.subject.rawValue), "sensor": .string(file.sensor),
                "file": .string(file.path), "file_sha256": .string(file.fileSHA256),
                "readings": .integer(file.readings),
                "energy_uj": .decimalString(file.jobEnergyMicrojoules),
                "unattributed_uj": .decimalString(file.energyMicrojoules - file.jobEnergyMicrojoules),
                "already_imported": .bool(file.alreadyImported),
            ]
        }
        return [
            "job_key": .string(result.jobKey.description), "pseudonym": .string(result.pseudonym),
            "nodes": .array(nodes),
        ]
    }

    var text: String {
        var table = TextTable(
            ("node", .left), ("readings", .right), ("kWh", .right), ("µJ", .right), ("outside the job, µJ", .right),
            ("", .left))
        for file in result.files {
            let energy = JSONValue.decimalString(file.jobEnergyMicrojoules)
            table.add(
                file.node, "\(file.readings)", FigureText.kilowattHours(energy), FigureText.microjoules(energy),
                FigureText.grouped(file.energyMicrojoules - file.jobEnergyMicrojoules),
                file.alreadyImported ? "already imported" : "imported")
        }
        let total = JSONValue.decimalString(result.files.reduce(0) { $0 + $1.jobEnergyMicrojoules })
        return "Job \(result.jobKey)\n\(table.text)total \(FigureText.energy(total))\n"
    }
}
