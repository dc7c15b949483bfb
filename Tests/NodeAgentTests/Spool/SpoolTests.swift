import Batches
import Glibc
import SeededRandom
import Testing
import TransparencyLog

@testable import NodeAgent

@Suite struct SpoolTests {
    private let key = try! SigningKey(name: "n", seed: Array(repeating: 3, count: 32))

    private func entry(_ sequence: Int64?, samples: Int = 10, chain: Int64 = 4) throws -> SignedEntry {
        let note = try key.sign(Array("batch \(chain) \(sequence ?? -1)\n".utf8))
        return SignedEntry(
            position: sequence.map { ChainPosition(incarnation: chain, sequence: $0) }, note: note.bytes,
            samples: Array(repeating: 7, count: samples))
    }

    @Test func whatWasWrittenComesBackInOrder() throws {
        try withDirectory { path in
            do {
                let spool = try Spool(path: path)
                try spool.write(entry(1))
                try spool.write(entry(nil, chain: 9))
                try spool.write(entry(0), resumePoint: [1])
                try spool.write(entry(0, chain: 12))
                #expect(spool.count == 4)
            }
            let spool = try Spool(path: path)
            #expect(spool.recovered.map(\.fileStem).dropFirst() == ["4-0", "4-1", "12-0"])
            #expect(spool.recovered.first?.position == nil)
            let first = try entry(0)
            #expect(try spool.read(first.leaf) == first)
            #expect(try spool.resumePoint(at: ChainPosition(incarnation: 4, sequence: 0)) == [1])
            try spool.delete(first.leaf)
            #expect(try spool.read(first.leaf) == nil && spool.count == 3)
        }
    }

    @Test func unfinishedFilesGoAndDamagedNotesArePutAside() throws {
        try withDirectory { path in
            do {
                let spool = try Spool(path: path)
                try spool.write(entry(0))
            }
            for (name, text) in [
                ("4-1.note.tmp", "half"), ("4-1.samples", "block"), ("4-1.state", "{}"), ("4-2.note", "no note at all"),
            ] {
                try write(text, to: path + "/" + name)
            }
            let spool = try Spool(path: path)
            #expect(spool.recovered.map(\.fileStem) == ["4-0"])
            #expect(spool.damaged == ["4-2"])
            let names = Set(try DurableFile.names(in: path))
            #expect(names == ["4-0.note", "4-0.samples", "lock", "refused"])
            #expect(Set(try DurableFile.names(in: path + "/refused")) == ["4-2.note", "4-2.reason"])
        }
    }

    @Test func aSecondAgentIsRefused() throws {
        try withDirectory { path in
            let first = try Spool(path: path)
            let error = #expect(throws: SpoolError.self) { _ = try Spool(path: path) }
            #expect(error?.description.contains("another agent") == true)
            #expect(first.count == 0)
        }
    }

    @Test func underPressureBlocksGoFromTheDiskAndNotesStay() throws {
        try withDirectory { path in
            let spool = try Spool(path: path, capacityBytes: 1 << 20)
            for sequence in 0..<8 { try spool.write(entry(Int64(sequence), samples: 100_000)) }
            let names = try DurableFile.names(in: path)
            #expect(names.count { $0.hasSuffix(".note") } == 8)
            #expect(names.count { $0.hasSuffix(".samples") } == 5)
            #expect(try spool.read(entry(0, samples: 100_000).leaf)?.samples == [])
        }
    }

    @Test func aRefusedEntryIsKeptWithItsReason() throws {
        try withDirectory { path in
            let spool = try Spool(path: path)
            let refused = try entry(0)
            try spool.write(refused)
            try spool.setAside(refused.leaf, reason: "OVERLAP: no")
            #expect(spool.count == 0)
            #expect(try spool.readSetAside(SpoolItem(refused)) == refused.note)
            #expect(try DurableFile.read(path + "/refused/4-0.reason") == Array("OVERLAP: no\n".utf8))
        }
    }

    /// A child that writes and deletes as fast as it can is killed at a random moment. Whatever it had reported as
    /// written and not begun to delete is there, whole; nothing else is.
    @Test(arguments: 0..<12) func killedAtAnyMomentItHoldsWhatItPromised(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        try withDirectory { path in
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            let child = try ChildProcess.start("SpoolWriter", [path], output: ends[1])
            close(ends[1])
            var reader = ReportReader(descriptor: ends[0])
            let reports = 1 + Int(random.next() % 40)
            for _ in 0..<reports { _ = reader.next() }
            kill(child, SIGKILL)
            var status: Int32 = 0
            waitpid(child, &status, 0)
            while reader.next() != nil {}
            close(ends[0])
            let spool = try Spool(path: path)
            let found = spool.recovered.compactMap { $0.position?.sequence }
            #expect(found == found.sorted() && spool.damaged.isEmpty, "seed \(seed)")
            let promised = reader.written.subtracting(reader.deleting)
            #expect(promised.isSubset(of: Set(found)), "seed \(seed): \(promised) of \(found)")
            for sequence in promised {
                let expected = try entry(sequence)
                #expect(try spool.read(expected.leaf) == expected, "seed \(seed)")
                #expect(try spool.resumePoint(at: ChainPosition(incarnation: 4, sequence: found.last ?? 0)) != nil)
            }
            #expect(!(try DurableFile.names(in: path)).contains { $0.hasSuffix(".tmp") })
        }
    }

    private func withDirectory(_ body: (String) throws -> Void) throws {
        try ChildProcess.withDirectory { try body($0 + "/spool") }
    }

    private func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        #expect(Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count)
        close(descriptor)
    }
}

/// Reads what the child says: `W sequence` when a write has returned, `D sequence` before a delete begins.
private struct ReportReader {
    let descriptor: Int32
    var written: Set<Int64> = []
    var deleting: Set<Int64> = []

    mutating func next() -> Void? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1 {
            if byte == 10 {
                let text = String(decoding: line, as: UTF8.self)
                guard let sequence = Int64(text.dropFirst(2)) else { return () }
                if text.hasPrefix("W") { written.insert(sequence) } else { deleting.insert(sequence) }
                return ()
            }
            line.append(byte)
        }
        return nil
    }
}
