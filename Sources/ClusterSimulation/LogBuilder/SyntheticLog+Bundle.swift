import Batches
package import Disclosure
package import Energy
import TransparencyLog

extension SyntheticLog {
    /// The evidence of a period as files, as an aggregator would export it.
    package mutating func bundle(
        _ period: UTCInterval, audience: Audience = .assurer, withSamples: Bool = true,
        withholding: Withholding = .nothing, method: CalculationMethod = .newest
    ) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        func keep(_ file: BundleFile) { files[file.path] = file.bytes }
        var writer = BundleWriter(origin: origin, period: period, audience: audience, size: size)
        for (index, bytes) in entries.enumerated() {
            if !withholding.isNothing,
                withholding.withholds(try Entry(text: Array(SignedNote(parsing: bytes).text)))
            {
                try writer.withhold(leaf: .leaf(of: bytes)).forEach(keep)
            } else {
                try writer.append(entry: bytes, samples: withSamples ? samples[UInt64(index)] : nil).forEach(keep)
            }
        }
        writer.complete().forEach(keep)
        keep(writer.add(.checkpoint, try checkpoint().bytes))
        keep(writer.add(.policy, policy))
        for (pseudonym, bytes) in records {
            let sha256 = MerkleHash.sha256(of: bytes).hexadecimal
            keep(writer.add(.record(pseudonym: pseudonym, sha256: sha256), bytes))
        }
        var input = try disclosureInput(period, audience: audience)
        input.withheldEntries = writer.withheldEntries
        input.method = method
        keep(writer.add(.disclosure, Disclosure(input).bytes))
        keep(try writer.manifest(signedBy: administration))
        return files
    }
}
