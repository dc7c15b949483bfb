import Batches
import JSONText
import TransparencyLog

/// What a tenant's chain needs beside its newest extract: where its counters stand.
struct ExtractPoint: Sendable, Hashable {
    var counters: ExtractCounters

    var bytes: [UInt8] {
        let values = counters.values.sorted { $0.key < $1.key }.map { id, value -> JSONValue in
            ["id": .string(id), "uj": .decimalString(value)]
        }
        let point: JSONValue = ["sensors": .array(values)]
        return point.rendered()
    }

    init(counters: ExtractCounters) { self.counters = counters }

    /// nil when the bytes are no such point.
    init?(bytes: [UInt8]) {
        guard let sensors = (try? JSONValue(parsing: bytes))?["sensors"]?.array else { return nil }
        var values: [String: Int64] = [:]
        for sensor in sensors {
            guard let id = sensor["id"]?.string, let value = sensor["uj"]?.decimalString else { return nil }
            values[id] = value
        }
        counters = ExtractCounters(values: values)
    }
}

/// An extract beside the home batch that it was cut from, so that both become durable with one file or neither: a
/// crash between two spools must not lose a tenant's interval, nor count it twice.
struct StagedExtract: Sendable, Hashable {
    var tenant: String
    var entry: SignedEntry
    var point: ExtractPoint

    init(tenant: String, entry: SignedEntry, point: ExtractPoint) {
        self.tenant = tenant
        self.entry = entry
        self.point = point
    }

    /// The place of the home batch.
    var home: ChainPosition? {
        (try? SignedNote(parsing: entry.note)).flatMap { try? Batch(text: Array($0.text)) }?.home?.position
    }

    /// Without the readings: after a crash the extract goes without them, as a block that was dropped.
    var json: JSONValue {
        [
            "tenant": .string(tenant), "note": .string(Base64.encode(entry.note)),
            "incarnation": .decimalString(entry.position?.incarnation ?? 0),
            "seq": .decimalString(entry.position?.sequence ?? 0), "point": .string(Base64.encode(point.bytes)),
        ]
    }

    init?(_ json: JSONValue) {
        guard let tenant = json["tenant"]?.string, let note = json["note"]?.string.flatMap({ Base64.decode($0) }),
            let incarnation = json["incarnation"]?.decimalString, let sequence = json["seq"]?.decimalString,
            let bytes = json["point"]?.string.flatMap({ Base64.decode($0) }), let point = ExtractPoint(bytes: bytes)
        else { return nil }
        self.tenant = tenant
        self.point = point
        entry = SignedEntry(
            position: ChainPosition(incarnation: incarnation, sequence: sequence), note: note, samples: [])
    }
}
