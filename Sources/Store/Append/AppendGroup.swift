/// What an entry of the log is; the numbers stand in the database.
package enum EntryKind: Int16, Sendable, CaseIterable {
    case genesis = 1
    case node = 2
    case importing = 3
    case job = 4
    case batch = 5
    case set = 6
    case close = 7
    case conflict = 8
    case correct = 9
    case report = 10
    case resume = 11
    case extract = 12
    case logKey = 16
}

/// Entries that one transaction appends to one log; 100 to 500 make the best use of it, and hold the log's lock for
/// some tens of milliseconds.
///
/// Rows of one chain stand in the order of their seq. Once one of them is not appended for a gap, its successors in the
/// group are not either, even where they would fit.
package struct AppendGroup: Sendable {
    package let log: Int32
    package var rows: [AppendRow]
    /// The size that the log must have, when the rows were judged against it; `nil` takes any.
    package var expectedSize: Int64?
    /// At that size, every row was judged to be appended: what they add to the folds is then sent as sums. Where the
    /// log judges otherwise the group is sent again row by row. Means nothing without `expectedSize`.
    package var areNew: Bool

    var isSummed: Bool { areNew && expectedSize != nil }

    package init(log: Int32, rows: [AppendRow] = [], expectedSize: Int64? = nil, areNew: Bool = false) {
        self.log = log
        self.rows = rows
        self.expectedSize = expectedSize
        self.areNew = areNew
    }
}

/// One entry, with what it adds to the folds if it is appended.
package struct AppendRow: Sendable, Equatable {
    /// An entry's place in a chain: (node, incarnation) names the chain.
    package struct Link: Sendable, Equatable {
        package var node: Int32
        /// The index of the entry that opened the chain.
        package var incarnation: Int64
        /// From 0, without holes.
        package var seq: Int64
        /// The leaf hash of the entry before in the chain; for seq 0 that of the opening entry.
        package var previous: [UInt8]

        package init(node: Int32, incarnation: Int64, seq: Int64, previous: [UInt8]) {
            self.node = node
            self.incarnation = incarnation
            self.seq = seq
            self.previous = previous
        }
    }

    package var kind: EntryKind
    /// `nil`: outside of chains; the same bytes are then the same entry.
    package var link: Link?
    /// RFC 6962 leaf hash of `note`, 32 bytes.
    package var leaf: [UInt8]
    /// 1 to 65,535 bytes.
    package var note: [UInt8]
    /// The block of readings, which retention may delete later.
    package var samples: [UInt8]?
    /// For an import entry: the file. A file that was imported before is a duplicate whatever the note says.
    package var file: ImportedFile?
    package var postings: [Posting]
    package var coverage: [Coverage]
    /// At most 32,767.
    package var gaps: [Gap]

    package init(
        kind: EntryKind, link: Link? = nil, leaf: [UInt8], note: [UInt8], samples: [UInt8]? = nil,
        file: ImportedFile? = nil, postings: [Posting] = [], coverage: [Coverage] = [], gaps: [Gap] = []
    ) {
        self.kind = kind
        self.link = link
        self.leaf = leaf
        self.note = note
        self.samples = samples
        self.file = file
        self.postings = postings
        self.coverage = coverage
        self.gaps = gaps
    }
}

/// Which recorded file an import entry is about.
package struct ImportedFile: Sendable, Hashable {
    package var job: Int64
    package var node: Int32
    package var sensor: String
    package var sha256: [UInt8]

    package init(job: Int64, node: Int32, sensor: String, sha256: [UInt8]) {
        self.job = job
        self.node = node
        self.sensor = sensor
        self.sha256 = sha256
    }
}

/// What became of a row.
package enum AppendVerdict: Int16, Sendable {
    case appended = 0
    /// The log has this very entry; the index is where.
    case duplicate = 1
    /// The chain has another entry at this seq (the index is where); the chain is closed.
    case equivocation = 2
    /// The entry before is not in the log, or is not the one that `previous` names.
    case gap = 3
    /// The chain was closed by an equivocation.
    case closed = 4
    /// A value that the database cannot hold: a bound, or a sum beyond 64 bits. Alone of its group.
    case unrepresentable = 5
}

package struct AppendedRow: Sendable, Equatable {
    package let verdict: AppendVerdict
    /// Where the entry is, or the one that stands in its place; `nil` when there is none.
    package let index: Int64?
}

package struct AppendOutcome: Sendable, Equatable {
    /// In the order of the group.
    package var rows: [AppendedRow]
    /// The log's size after the group.
    package var size: Int64
}
