import Batches
import Energy
import TransparencyLog

/// What a bundle carries beside the log: records, factor files, the published policy, the stated disclosure.
struct OutsideFiles: Sendable {
    private(set) var records: [(path: String, pseudonym: String, bytes: [UInt8])] = []
    private(set) var factors: [String: [UInt8]] = [:]
    let policy: [UInt8]
    let disclosure: [UInt8]

    /// Reads and checks every file but those of the log and the manifest.
    init(_ manifest: BundleManifest, source: BundleSource) throws(ReplayFailure) {
        var singles: [BundlePath: [UInt8]] = [:]
        for file in manifest.files {
            guard let path = BundlePath(file.path) else { continue }
            switch path {
            case .record(let pseudonym, let sha256):
                let bytes = try source.bytes(of: file)
                try Self.check(file, isNamed: sha256, .record)
                records.append((file.path, pseudonym, bytes))
            case .factor(let sha256):
                factors[sha256] = try source.bytes(of: file)
                try Self.check(file, isNamed: sha256, .factor)
            case .checkpoint, .policy, .disclosure: singles[path] = try source.bytes(of: file)
            case .entries, .samples, .disclosed, .withheld, .subtrees: break
            }
        }
        for path in [BundlePath.checkpoint, .policy, .disclosure] where singles[path] == nil {
            throw BundleSource.missing(path.path)
        }
        policy = singles[.policy] ?? []
        disclosure = singles[.disclosure] ?? []
    }

    private static func check(
        _ file: BundleManifest.File, isNamed sha256: String, _ failureClass: ReplayFailure.Class
    ) throws(ReplayFailure) {
        guard file.sha256.hexadecimal == sha256 else {
            throw ReplayFailure(
                failureClass, at: file.path, "the file is named by its SHA-256", expected: file.sha256.hexadecimal)
        }
    }

    /// Digests of the records, in hex.
    var recordNames: Set<Substring> { Set(records.map { $0.path.dropLast(4).suffix(64) }) }

    /// Records of jobs that the prefix commits to; the others belong to later entries.
    func addRecords(to accounts: inout LogAccounts) {
        for record in records { accounts.add(record: record.bytes, of: record.pseudonym) }
    }

    /// - Throws: when a factor file is one that no setting of the log ever named.
    func checkFactors(_ settings: SettingRegister) throws(ReplayFailure) {
        let declared = settings.factorFiles
        guard let stranger = factors.keys.filter({ !declared.contains($0) }).min() else { return }
        throw ReplayFailure(
            .factor, at: BundlePath.factor(sha256: stranger).path, "no setting of the log declares this factor file")
    }

    /// - Throws: when a record is of no job of the log.
    func addAllRecords(to accounts: inout LogAccounts) throws(ReplayFailure) {
        for record in records where !accounts.add(record: record.bytes, of: record.pseudonym) {
            throw ReplayFailure(
                .record, at: record.path, "no job entry of the log commits to this record under that pseudonym")
        }
    }
}
