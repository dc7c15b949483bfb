/// What an agent says.
package enum UpMessage: Sendable, Hashable {
    /// Opens the stream.
    case hello(AgentHello)
    /// An entry for a log: a batch, or any other signed note.
    case entry(EntryUpload)
}

/// The first message of a stream.
package struct AgentHello: Sendable, Hashable {
    /// Origin of the node's home log.
    package let log: String
    package let node: String
    package let agentVersion: String
    /// The chains that the agent goes on writing.
    package let chains: [ChainReference]

    package init(log: String, node: String, agentVersion: String, chains: [ChainReference]) {
        self.log = log
        self.node = node
        self.agentVersion = agentVersion
        self.chains = chains
    }
}

/// An entry on its way to a log.
package struct EntryUpload: Sendable, Hashable {
    /// Origin of the log that it is for.
    package let log: String
    /// The signed note, byte for byte.
    package let note: [UInt8]
    /// The sample block that the note binds by hash; empty if there is none.
    package let samples: [UInt8]

    package init(log: String, note: [UInt8], samples: [UInt8] = []) {
        self.log = log
        self.note = note
        self.samples = samples
    }
}
