/// What an aggregator says.
package enum DownMessage: Sendable, Hashable {
    /// What the log holds of the node's chains; once, before anything else.
    case heads([ChainHead])
    /// An entry is durable.
    case ack(EntryReceipt)
    /// An entry is not in the log.
    case refuse(EntryRefusal)
    /// The newest checkpoint of a log.
    case checkpoint(LogCheckpoint)
}

package struct ChainHead: Sendable, Hashable {
    package let chain: ChainReference
    /// The sequence number that the log expects next.
    package let nextSequence: UInt64
    /// RFC 6962 leaf hash of the chain's newest entry, 32 bytes: the `prev` of the next batch.
    package let leaf: [UInt8]
    /// Log index of that entry.
    package let lastIndex: UInt64
    /// The chain takes nothing more.
    package let isClosed: Bool

    package init(chain: ChainReference, nextSequence: UInt64, leaf: [UInt8], lastIndex: UInt64, isClosed: Bool) {
        self.chain = chain
        self.nextSequence = nextSequence
        self.leaf = leaf
        self.lastIndex = lastIndex
        self.isClosed = isClosed
    }
}

package struct EntryReceipt: Sendable, Hashable {
    /// nil for an entry outside every chain.
    package let chain: ChainReference?
    package let sequence: UInt64
    /// Where the entry stands in the log.
    package let index: UInt64
    /// RFC 6962 leaf hash of the note, 32 bytes.
    package let leaf: [UInt8]

    package init(chain: ChainReference?, sequence: UInt64, index: UInt64, leaf: [UInt8]) {
        self.chain = chain
        self.sequence = sequence
        self.index = index
        self.leaf = leaf
    }
}

package struct EntryRefusal: Sendable, Hashable {
    /// As far as the note could be read.
    package let chain: ChainReference?
    package let sequence: UInt64
    package let code: RefusalCode
    /// The same bytes can never succeed.
    package let isPermanent: Bool
    /// One line for a person.
    package let message: String
    /// RFC 6962 leaf hash of the note as received, 32 bytes.
    package let leaf: [UInt8]

    package init(
        chain: ChainReference?, sequence: UInt64, code: RefusalCode, isPermanent: Bool, message: String,
        leaf: [UInt8]
    ) {
        self.chain = chain
        self.sequence = sequence
        self.code = code
        self.isPermanent = isPermanent
        self.message = message
        self.leaf = leaf
    }
}

package struct LogCheckpoint: Sendable, Hashable {
    /// Origin of the log.
    package let log: String
    /// C2SP signed note with its cosignatures, byte for byte.
    package let note: [UInt8]
    /// The entries that lead from the log's first key to the one that signed, as signed.
    package let logKeys: [[UInt8]]
    /// Whose accounts are whose, nil while the log says nothing of it.
    package let accountMap: AccountMapSetting?

    package init(log: String, note: [UInt8], logKeys: [[UInt8]] = [], accountMap: AccountMapSetting? = nil) {
        self.log = log
        self.note = note
        self.logKeys = logKeys
        self.accountMap = accountMap
    }
}

/// The log's signed setting `account.map` that is in force.
package struct AccountMapSetting: Sendable, Hashable {
    /// JSON `{"slurm": {ACCOUNT: SLUG}, "kubernetes": {NAMESPACE: SLUG}}`, as it was set.
    package let value: [UInt8]
    /// Log index of the entry.
    package let index: UInt64

    package init(value: [UInt8], index: UInt64) {
        self.value = value
        self.index = index
    }
}

/// Why an entry is refused. The raw value is the name on the wire, in metrics and in documents.
package enum RefusalCode: String, Sendable, Hashable, CaseIterable {
    case badSyntax = "BAD_SYNTAX"
    case tooLarge = "TOO_LARGE"
    case badSignature = "BAD_SIGNATURE"
    case unknownNode = "UNKNOWN_NODE"
    case retiredKey = "RETIRED_KEY"
    case foreignLog = "FOREIGN_LOG"
    case chainGap = "CHAIN_GAP"
    case chainFork = "CHAIN_FORK"
    case overlap = "OVERLAP"
    case samplesMismatch = "SAMPLES_MISMATCH"
    case certificateMismatch = "CERTIFICATE_MISMATCH"
    case overloaded = "OVERLOADED"
    /// A code that a newer aggregator has and this program does not; `isPermanent` still tells what to do.
    case unrecognized = "UNRECOGNIZED"
}
