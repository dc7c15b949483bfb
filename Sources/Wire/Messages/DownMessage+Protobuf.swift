import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension DownMessage {
    /// nil for a kind of message that this program does not know yet.
    init?(_ message: Wattest_V1_Down) {
        switch message.message {
        case .heads(let heads): self = .heads(heads.heads.map(ChainHead.init))
        case .ack(let ack): self = .ack(EntryReceipt(ack))
        case .refuse(let refuse): self = .refuse(EntryRefusal(refuse))
        case .checkpoint(let checkpoint):
            self = .checkpoint(
                LogCheckpoint(
                    log: checkpoint.log, note: Array(checkpoint.note), logKeys: checkpoint.logKeys.map { Array($0) },
                    accountMap: checkpoint.accountMap.isEmpty
                        ? nil
                        : AccountMapSetting(value: Array(checkpoint.accountMap), index: checkpoint.accountMapIndex)))
        case nil: return nil
        }
    }
}

extension Wattest_V1_Down {
    init(_ message: DownMessage) {
        self.init()
        switch message {
        case .heads(let heads):
            self.heads = .with { $0.heads = heads.map(Wattest_V1_Head.init) }
        case .ack(let receipt):
            self.ack = Wattest_V1_Ack(receipt)
        case .refuse(let refusal):
            self.refuse = Wattest_V1_Refuse(refusal)
        case .checkpoint(let checkpoint):
            self.checkpoint = .with {
                $0.log = checkpoint.log
                $0.note = Data(checkpoint.note)
                $0.logKeys = checkpoint.logKeys.map { Data($0) }
                if let accounts = checkpoint.accountMap {
                    $0.accountMap = Data(accounts.value)
                    $0.accountMapIndex = accounts.index
                }
            }
        }
    }
}

extension ChainHead {
    init(_ head: Wattest_V1_Head) {
        self.init(
            chain: ChainReference(head.chain), nextSequence: head.nextSeq, leaf: Array(head.leaf),
            lastIndex: head.lastIndex, isClosed: head.closed)
    }
}

extension Wattest_V1_Head {
    init(_ head: ChainHead) {
        self.init()
        self.chain = Wattest_V1_Chain(head.chain)
        self.nextSeq = head.nextSequence
        self.leaf = Data(head.leaf)
        self.lastIndex = head.lastIndex
        self.closed = head.isClosed
    }
}

extension EntryReceipt {
    init(_ ack: Wattest_V1_Ack) {
        self.init(
            chain: ack.hasChain ? ChainReference(ack.chain) : nil, sequence: ack.seq, index: ack.index,
            leaf: Array(ack.leaf))
    }
}

extension Wattest_V1_Ack {
    init(_ receipt: EntryReceipt) {
        self.init()
        if let chain = receipt.chain { self.chain = Wattest_V1_Chain(chain) }
        self.seq = receipt.sequence
        self.index = receipt.index
        self.leaf = Data(receipt.leaf)
    }
}

extension EntryRefusal {
    init(_ refuse: Wattest_V1_Refuse) {
        self.init(
            chain: refuse.hasChain ? ChainReference(refuse.chain) : nil, sequence: refuse.seq,
            code: RefusalCode(refuse.code), isPermanent: refuse.permanent, message: refuse.message,
            leaf: Array(refuse.leaf))
    }
}

extension Wattest_V1_Refuse {
    init(_ refusal: EntryRefusal) {
        self.init()
        if let chain = refusal.chain { self.chain = Wattest_V1_Chain(chain) }
        self.seq = refusal.sequence
        self.code = Code(refusal.code)
        self.permanent = refusal.isPermanent
        self.message = refusal.message
        self.leaf = Data(refusal.leaf)
    }
}

extension RefusalCode {
    init(_ code: Wattest_V1_Refuse.Code) {
        self = Self.allCases.first { Wattest_V1_Refuse.Code($0) == code } ?? .unrecognized
    }
}

extension Wattest_V1_Refuse.Code {
    init(_ code: RefusalCode) {
        self =
            switch code {
            case .badSyntax: .badSyntax
            case .tooLarge: .tooLarge
            case .badSignature: .badSignature
            case .unknownNode: .unknownNode
            case .retiredKey: .retiredKey
            case .foreignLog: .foreignLog
            case .chainGap: .chainGap
            case .chainFork: .chainFork
            case .overlap: .overlap
            case .samplesMismatch: .samplesMismatch
            case .certificateMismatch: .certificateMismatch
            case .overloaded: .overloaded
            case .unrecognized: .unspecified
            }
    }
}
