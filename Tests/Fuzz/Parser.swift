import Batches
import JSONText
import TransparencyLog

/// What parses bytes from outside, with what it renders of the bytes that it accepts; nil when it refuses, or when two
/// spellings of one value are allowed.
struct Parser: Sendable {
    let name: String
    let roundTrip: @Sendable ([UInt8]) -> [UInt8]?

    static let all: [Parser] = [
        Parser(name: "batch") { try? Batch(text: $0).text },
        Parser(name: "entry") { try? Entry(text: $0).text },
        Parser(name: "sample block") { SampleBlock(bytes: $0)?.bytes },
        Parser(name: "job record") { try? JobRecord(text: $0).text },
        Parser(name: "note") { try? SignedNote(parsing: $0).bytes },
        Parser(name: "checkpoint") { try? Checkpoint(parsing: $0[...]).text },
        Parser(name: "log proof") { try? TLogProof(parsing: $0).bytes },
        Parser(name: "add-checkpoint") { try? AddCheckpointRequest(parsing: $0).bytes },
        Parser(name: "log path") { bytes in
            guard let path = String(validating: bytes, as: UTF8.self) else { return nil }
            return (try? LogResource(parsing: path)).map { Array($0.path.utf8) }
        },
        Parser(name: "policy") { bytes in
            _ = try? TrustPolicy(parsing: bytes)
            return nil
        },
        Parser(name: "CBOR") { bytes in
            _ = try? COSEReceipt(decoding: bytes)
            return (try? CBOR(decoding: bytes))?.encoded
        },
        Parser(name: "JSON") { bytes in
            guard let value = try? JSONValue(parsing: bytes) else { return nil }
            // Spaces and escapes may differ; what is printed must be read as the same value.
            let again = try? JSONValue(parsing: value.text(.compact))
            precondition(again == value, "JSON: printed text reads as another value")
            return nil
        },
    ]
}
