import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension UpMessage {
    /// nil for a kind of message that this program does not know yet.
    init?(_ message: Wattest_V1_Up) {
        switch message.message {
        case .hello(let hello):
            self = .hello(
                AgentHello(
                    log: hello.log, node: hello.node, agentVersion: hello.agentVersion,
                    chains: hello.chains.map(ChainReference.init)))
        case .batch(let batch):
            self = .entry(EntryUpload(log: batch.log, note: Array(batch.note), samples: Array(batch.samples)))
        case nil:
            return nil
        }
    }
}

extension Wattest_V1_Up {
    init(_ message: UpMessage) {
        self.init()
        switch message {
        case .hello(let hello):
            self.hello = .with {
                $0.log = hello.log
                $0.node = hello.node
                $0.agentVersion = hello.agentVersion
                $0.chains = hello.chains.map(Wattest_V1_Chain.init)
            }
        case .entry(let entry):
            self.batch = .with {
                $0.log = entry.log
                $0.note = Data(entry.note)
                $0.samples = Data(entry.samples)
            }
        }
    }
}

extension ChainReference {
    init(_ chain: Wattest_V1_Chain) {
        self.init(log: chain.log, node: chain.node, incarnation: chain.incarnation)
    }
}

extension Wattest_V1_Chain {
    init(_ chain: ChainReference) {
        self.init()
        self.log = chain.log
        self.node = chain.node
        self.incarnation = chain.incarnation
    }
}
