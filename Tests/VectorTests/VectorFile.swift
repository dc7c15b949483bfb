import Foundation

/// A file of `Fixtures`, found beside this source.
enum VectorFile {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: directory.appending(path: path)))
    }

    static func text(_ path: String) throws -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    /// The first of the values, or a failure that names what is missing.
    static func first(_ values: [String]?) throws -> String {
        guard let value = values?.first else { throw MissingValue() }
        return value
    }

    struct MissingValue: Error {}

    /// Keys in snake case become camel case.
    static func decode<Value: Decodable>(_ path: String, as type: Value.Type = Value.self) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(contentsOf: directory.appending(path: path)))
    }
}
