package import Disclosure
package import Store
import Synchronization

/// The records of a log's jobs, taken apart once for all reports until one of them changes. What was erased is gone
/// from the next report on: the database is asked each time whether these are still the ones.
package final class RecordShelf: Sendable {
    package struct Records: Sendable {
        package let version: JobsVersion
        package let known: [KnownRecord]
    }

    private let database: LogDatabase
    private let kept = Mutex<Records?>(nil)

    package init(database: LogDatabase) { self.database = database }

    package func records() async throws -> Records {
        let before = kept.withLock { $0 }
        guard let (version, texts) = try await database.jobRecords(since: before?.version) else {
            return before ?? Records(version: JobsVersion(jobs: 0, known: 0, erased: 0), known: [])
        }
        let known = texts.compactMap { KnownRecord(bytes: $0.value, pseudonym: $0.key) }
        let records = Records(version: version, known: known)
        kept.withLock { $0 = records }
        return records
    }
}
