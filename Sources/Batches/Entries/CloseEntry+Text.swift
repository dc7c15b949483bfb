import Energy
import TransparencyLog

extension CloseEntry {
    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/close/v1")
        writer.opening(log, time)
        writer.line("period") {
            $0.field(period.start.microseconds)
            $0.field(period.end.microseconds)
        }
        writer.line("size") { $0.field(size) }
        writer.line("part") {
            $0.field(part)
            $0.field(parts)
        }
        content.write(to: &writer)
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/close/v1")
        (log, time) = try reader.opening()
        try reader.begin("period")
        period = UTCInterval(
            start: UTCTime(microseconds: try reader.integer("start")),
            end: UTCTime(microseconds: try reader.integer("end")))
        try reader.endLine()
        try reader.begin("size")
        size = try reader.integer("size")
        try reader.endLine()
        try reader.begin("part")
        part = try reader.integer("part")
        parts = try reader.integer("parts")
        guard part >= 1, part <= parts else { throw reader.failure("part, from 1 to the number of parts") }
        try reader.endLine()
        content = try Content(&reader, hasTotals: part == 1)
        salt = try reader.saltLine()
        try reader.endText()
    }
}

extension CloseEntry.Content {
    /// The lines of the content alone.
    package var text: [UInt8] {
        var writer = LineWriter()
        write(to: &writer)
        return writer.bytes
    }

    fileprivate func write(to writer: inout LineWriter) {
        for total in totals {
            writer.line("total") {
                $0.field(total.account.rawValue)
                $0.field(total.microjoules)
            }
        }
        for node in nodes {
            writer.line("node") {
                $0.field(node.name)
                $0.field(node.state.rawValue)
                $0.field(node.microjoules)
            }
        }
        for gaps in gaps {
            writer.line("gaps") {
                $0.field(gaps.node)
                $0.field(gaps.kind.rawValue)
                $0.field(gaps.count)
                $0.field(gaps.milliseconds)
            }
        }
        for chain in chains {
            writer.line("chain") {
                $0.field(chain.node)
                $0.field(chain.incarnation)
                $0.field(chain.lastSequence)
                $0.field(chain.state.rawValue)
                $0.base64(chain.leaf.bytes)
            }
        }
    }

    fileprivate init(_ reader: inout LineReader, hasTotals: Bool) throws(NoteSyntaxError) {
        self.init()
        for account in hasTotals ? CloseEntry.Account.allCases : [] {
            try reader.begin("total")
            guard try reader.word("account", of: CloseEntry.Account.self) == account else {
                throw reader.failure("the total of \(account.rawValue)")
            }
            totals.append(CloseEntry.Total(account: account, microjoules: try reader.wideInteger("energy")))
            try reader.endLine()
        }
        while reader.startsLine("node") { nodes.append(try Self.node(&reader)) }
        while reader.startsLine("gaps") { gaps.append(try Self.gaps(&reader)) }
        while reader.startsLine("chain") { chains.append(try Self.chain(&reader)) }
    }

    private static func node(_ reader: inout LineReader) throws(NoteSyntaxError) -> CloseEntry.Node {
        try reader.begin("node")
        let node = CloseEntry.Node(
            name: try reader.name("node"), state: try reader.word("state", of: CloseEntry.NodeState.self),
            microjoules: try reader.wideInteger("energy"))
        try reader.endLine()
        return node
    }

    private static func gaps(_ reader: inout LineReader) throws(NoteSyntaxError) -> CloseEntry.Gaps {
        try reader.begin("gaps")
        let gaps = CloseEntry.Gaps(
            node: try reader.name("node"), kind: try reader.word("kind", of: CloseEntry.GapKind.self),
            count: try reader.integer("count"), milliseconds: try reader.integer("milliseconds"))
        try reader.endLine()
        return gaps
    }

    private static func chain(_ reader: inout LineReader) throws(NoteSyntaxError) -> CloseEntry.Chain {
        try reader.begin("chain")
        let chain = CloseEntry.Chain(
            node: try reader.name("node"), incarnation: try reader.integer("incarnation"),
            lastSequence: try reader.optionalInteger("seq"),
            state: try reader.word("state", of: CloseEntry.ChainState.self), leaf: try reader.hash("leaf hash"))
        try reader.endLine()
        return chain
    }
}
