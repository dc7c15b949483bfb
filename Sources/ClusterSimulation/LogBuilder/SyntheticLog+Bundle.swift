package import Disclosure
package import Energy
import TransparencyLog

extension SyntheticLog {
    /// The evidence of a period as files, as an aggregator would export it.
    package mutating func bundle(
        _ period: UTCInterval, audience: Audience = .assurer, withSamples: Bool = true
    ) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        func keep(_ file: BundleFile) { files[file.path] = file.bytes }
        var writer = BundleWriter(origin: origin, period: period, audience: audience, size: size)
        for (index, entry) in entries.enumerated() {
            try writer.append(entry: entry, samples: withSamples ? samples[UInt64(index)] : nil).forEach(keep)
        }
        keep(writer.add(.checkpoint, try checkpoint().bytes))
        keep(writer.add(.policy, policy))
        for (pseudonym, bytes) in records {
            let sha256 = MerkleHash.sha256(of: bytes).hexadecimal
            keep(writer.add(.record(pseudonym: pseudonym, sha256: sha256), bytes))
        }
        keep(writer.add(.disclosure, Disclosure(try disclosureInput(period, audience: audience)).bytes))
        keep(try writer.manifest(signedBy: administration))
        return files
    }
}
