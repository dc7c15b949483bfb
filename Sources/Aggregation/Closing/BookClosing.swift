import Batches
import Disclosure
package import Energy
import HTTPEdge
import Logging
import Store
import TransparencyLog

/// Closes the books of periods: states in the log what every account holds and where every chain stands, so that
/// dropping entries afterwards contradicts a signed word.
///
/// The statement is made by the code that audits it, over the prefix of a published checkpoint; batches that are
/// appended meanwhile stand behind that prefix. A crash between two parts leaves a close that is not complete; the next
/// one is made over all that is there by then.
package struct BookClosing: Sendable {
    let runtime: LogRuntime
    let clock: ServiceClock

    package init(runtime: LogRuntime, clock: ServiceClock) {
        self.runtime = runtime
        self.clock = clock
    }

    package struct Closed: Sendable, Hashable {
        package var period: UTCInterval
        /// Log index of the first part.
        package var index: Int64
        package var parts: Int64
        package var size: Int64
        /// The organization's energy of the period.
        package var microjoules: Int128
    }

    /// Closes periods one after the other, all over one prefix.
    package func close(_ periods: [UTCInterval]) async throws -> [Closed] {
        try await runtime.issuing.take { [self] in
            let published = try await runtime.publish().checkpoint.size
            let (statements, closings, told) = try await runtime.standing.closing(periods, at: published)
            let size = Int64(clamping: told)
            var closed: [Closed] = []
            for (period, statement) in zip(periods, statements) {
                if let known = closings.newest(of: period), known.lateBatches == 0 {
                    throw Problem.conflict(
                        "the books of this period are closed by entry \(known.index), and nothing came since")
                }
                closed.append(try await append(statement, period, size))
            }
            try await runtime.publish()
            return closed
        }
    }

    private func append(_ statement: ClosingStatement, _ period: UTCInterval, _ size: Int64) async throws -> Closed {
        let entries = statement.entries(
            log: runtime.organization.origin, time: clock.now(), period: period, size: size,
            salt: { clock.random(16) })
        var first: Int64?
        for entry in entries {
            let index = try await runtime.append(entry.text).index
            first = first ?? index
        }
        return Closed(
            period: period, index: first ?? 0, parts: Int64(entries.count), size: size,
            microjoules: statement.content.nodes.reduce(0) { $0 + $1.microjoules })
    }
}

extension Aggregator {
    /// Closes what is due in every log.
    package func closeBooks() async {
        for runtime in organizations {
            let (begun, closedUntil) = runtime.sequencer.withIntake { ($0.signers.genesis.time, $0.closedUntil) }
            let due = configuration.closing.due(begun: begun, closedUntil: closedUntil, now: clock.now())
            guard !due.isEmpty else { continue }
            do {
                _ = try await BookClosing(runtime: runtime, clock: clock).close(due)
            } catch {
                logger.error("no close", metadata: ["log": "\(runtime.organization.origin)", "why": "\(error)"])
            }
        }
    }
}
