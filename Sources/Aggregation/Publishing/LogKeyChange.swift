import Batches
package import Energy
import Identity
package import TransparencyLog

/// Gives a log another key for its checkpoints. What a crash means at each step:
/// 1. `prepared`: the new key lies in a file of its own, the log does not name it; the next attempt takes it up;
/// 2. `logged`: the log names it, and a signature by the old key is worth nothing for a tree that holds this entry. No
///    such tree is published before the change has ended, and a start ends it first;
/// 3. `promoted`: the new key is the log's key on this host.
package struct LogKeyChange: Sendable {
    package enum Step: String, Sendable, Hashable, CaseIterable { case prepared, logged, promoted }

    package struct Order: Sendable {
        package var by: String
        package var reason: String
        package var time: UTCTime
        package var salt: [UInt8]
        /// 32 random bytes of which the new key is made.
        package var seed: [UInt8]
        /// A key on a token that is taken instead.
        package var key: SigningKey?

        package init(by: String, reason: String, time: UTCTime, salt: [UInt8], seed: [UInt8], key: SigningKey? = nil) {
            self.by = by
            self.reason = reason
            self.time = time
            self.salt = salt
            self.seed = seed
            self.key = key
        }
    }

    package struct Changed: Sendable {
        package var keys: LogKeys
        package var index: Int64
        package var note: [UInt8]
    }

    private let directory: String
    private let publisher: LogPublisher
    private let append: @Sendable (_ note: [UInt8]) async throws -> Int64
    private let crash: @Sendable (Step) throws -> Void

    /// - Parameters:
    ///   - append: appends an entry and gives its index; a `Refusal` means that it did not.
    ///   - crash: throws where a test wants this host to die; nothing is undone then.
    package init(
        directory: String, publisher: LogPublisher, append: @escaping @Sendable (_ note: [UInt8]) async throws -> Int64,
        crash: @escaping @Sendable (Step) throws -> Void = { _ in }
    ) {
        self.directory = directory
        self.publisher = publisher
        self.append = append
        self.crash = crash
    }

    package func run(_ keys: LogKeys, _ order: Order) async throws -> Changed {
        let next = try prepare(keys, order)
        try crash(.prepared)
        var entry = LogKeyEntry(
            log: keys.origin, time: order.time, previous: keys.log.verifier.text, key: next.verifier.text,
            by: order.by, reason: order.reason, salt: order.salt, consent: [])
        entry.consent = try keys.administration.rawSignature(for: entry.consentMessage)
        let note = try keys.log.sign(entry.text).bytes
        let (append, crash, directory, publisher) = (append, crash, directory, publisher)
        return try await publisher.changeKey {
            do {
                let index = try await append(note)
                try crash(.logged)
                let changed = try keys.promoting(next, in: directory)
                try crash(.promoted)
                return (next, Changed(keys: changed, index: index, note: note))
            } catch let refusal as Refusal where refusal.isPermanent {
                throw refusal
            } catch {
                // Nobody knows whether the log names the new key: with the old one nothing may be signed any more.
                publisher.halt("a change of its key was interrupted (\(error)); start the aggregator again")
                throw error
            }
        }
    }

    /// The new key, durable before anybody hears of it.
    private func prepare(_ keys: LogKeys, _ order: Order) throws -> SigningKey {
        if order.key == nil, let begun = try LogKeys.nextLogKey(directory), begun.verifier.name == keys.log.name {
            return begun
        }
        let next = try order.key ?? SigningKey(name: keys.log.name, seed: order.seed)
        try PrivateFile.write(Array("\(next.privateText)\n".utf8), to: LogKeys.nextLogKeyFile(directory))
        return next
    }
}
