import FoundationEssentials
import Testing

/// Files under `Fixtures`, and the small tables among them.
enum Fixture {
    static func bytes(_ path: String) throws -> [UInt8] {
        let directory = #filePath.dropLast("/Fixture.swift".utf8.count)
        return Array(try Data(contentsOf: URL(filePath: "\(directory)/Fixtures/\(path)")))
    }

    static func rows(_ path: String) throws -> [[String: String]] {
        let lines = String(decoding: try bytes(path), as: UTF8.self).split(whereSeparator: \.isNewline)
        let header = lines[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        return lines.dropFirst().map { line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return Dictionary(uniqueKeysWithValues: zip(header, fields))
        }
    }
}
