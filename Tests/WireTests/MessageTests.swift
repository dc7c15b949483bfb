import SwiftProtobuf
import Testing

@testable import Wire

private let chain = ChainReference(log: "log.example/a", node: "node-1", incarnation: 7)
private let leaf = [UInt8](0..<32)

@Suite struct MessageTests {
    @Test(
        arguments: [
            .hello(AgentHello(log: "log.example/a", node: "node-1", agentVersion: "1.0", chains: [chain, chain])),
            .hello(AgentHello(log: "", node: "", agentVersion: "", chains: [])),
            .entry(EntryUpload(log: "log.example/a", note: [0, 255, 10], samples: [1])),
            .entry(EntryUpload(log: "log.example/a", note: [1])),
        ] as [UpMessage])
    func upMessagesSurviveTheWire(_ message: UpMessage) throws {
        let bytes: [UInt8] = try Wattest_V1_Up(message).serializedBytes()
        let parsed = try Wattest_V1_Up(serializedBytes: bytes)
        #expect(UpMessage(parsed) == message)
    }

    @Test(
        arguments: [
            .heads([]),
            .heads([ChainHead(chain: chain, nextSequence: .max, leaf: leaf, lastIndex: 9, isClosed: true)]),
            .ack(EntryReceipt(chain: chain, sequence: 3, index: 4, leaf: leaf)),
            .ack(EntryReceipt(chain: nil, sequence: 0, index: .max, leaf: leaf)),
            .checkpoint(LogCheckpoint(log: "log.example/a", note: [1, 2], logKeys: [[3], [4, 5]])),
            .checkpoint(
                LogCheckpoint(log: "l", note: [1], accountMap: AccountMapSetting(value: Array("{}".utf8), index: 7))),
        ] as [DownMessage])
    func downMessagesSurviveTheWire(_ message: DownMessage) throws {
        let bytes: [UInt8] = try Wattest_V1_Down(message).serializedBytes()
        let parsed = try Wattest_V1_Down(serializedBytes: bytes)
        #expect(DownMessage(parsed) == message)
    }

    @Test(arguments: RefusalCode.allCases)
    func refusalsSurviveTheWire(_ code: RefusalCode) throws {
        let message = DownMessage.refuse(
            EntryRefusal(
                chain: chain, sequence: 1, code: code, isPermanent: true, message: "what, where", leaf: leaf))
        let bytes: [UInt8] = try Wattest_V1_Down(message).serializedBytes()
        let parsed = try Wattest_V1_Down(serializedBytes: bytes)
        #expect(DownMessage(parsed) == message)
    }

    @Test func refusalCodesHaveTheirDocumentedNames() {
        let names = Wattest_V1_Refuse.Code.allCases.map { String(describing: $0) }
        #expect(names.count == RefusalCode.allCases.count)
        #expect(
            RefusalCode.allCases.map(\.rawValue).prefix(12).joined(separator: " ") == """
                BAD_SYNTAX TOO_LARGE BAD_SIGNATURE UNKNOWN_NODE RETIRED_KEY FOREIGN_LOG CHAIN_GAP CHAIN_FORK OVERLAP \
                SAMPLES_MISMATCH CERTIFICATE_MISMATCH OVERLOADED
                """)
    }

    @Test func codeOfANewerPeerIsKeptApart() {
        #expect(RefusalCode(.UNRECOGNIZED(99)) == .unrecognized)
    }

    @Test func kindOfANewerPeerIsNoMessage() throws {
        // Field 15, length-delimited, empty: a member of the oneof that this program does not know.
        let unknown: [UInt8] = [0x7A, 0x00]
        let (up, down) = (try Wattest_V1_Up(serializedBytes: unknown), try Wattest_V1_Down(serializedBytes: unknown))
        #expect(UpMessage(up) == nil)
        #expect(DownMessage(down) == nil)
    }

    @Test func renewalIsSignedApartFromNotes() {
        let bytes = CertificateRenewal.signedBytes(challenge: [1, 2], request: [3])
        #expect(bytes == [0xFF] + Array("wattest/renew/1\n".utf8) + [1, 2, 3])
    }
}
