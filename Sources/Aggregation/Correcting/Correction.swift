import Accounts
import Batches
import Disclosure
import Energy
import HTTPEdge
import Store
import TransparencyLog

/// Moves energy from one account to another by a signed entry, with who and why. What was posted stays in the log.
struct Correction: Sendable {
    let runtime: LogRuntime
    let clock: ServiceClock

    struct Request: Sendable {
        var period: UTCInterval
        /// Nil for every node.
        var node: String?
        var from: CorrectEntry.Account
        var to: CorrectEntry.Account
        /// Nil for all that stands there.
        var microjoules: Int64?
        var by: String
        var reason: String
        /// Index of the entry that misled, if it is one in particular.
        var refersTo: Int64?
    }

    struct Result: Sendable {
        var indexes: [Int64] = []
        var moves: Int = 0
        var microjoules: Int128 = 0
    }

    /// One node and hour, and what the account holds there.
    private struct Holding {
        var node: String
        var hour: Int64
        var microjoules: Int64
    }

    func correct(_ request: Request) async throws -> Result {
        try await runtime.issuing.take { [self] in
            let accounts = try await AccountsReader(runtime).read(period: request.period).accounts
            let moves = try Self.moves(request, Self.holdings(request, accounts.ledger))
            let refersTo = try await leaf(at: request.refersTo)
            var result = Result()
            var rest = moves[...]
            while !rest.isEmpty {
                let part = Array(rest.prefix(CorrectEntry.maximumMoves))
                rest = rest.dropFirst(part.count)
                let entry = CorrectEntry(
                    log: runtime.organization.origin, time: clock.now(), by: request.by, reason: request.reason,
                    refersTo: refersTo, moves: part, salt: clock.random(16))
                result.indexes.append(try await runtime.append(entry.text).index)
                result.moves += part.count
                result.microjoules += part.reduce(0) { $0 + Int128($1.microjoules) }
            }
            try await runtime.publish()
            return result
        }
    }

    private func leaf(at index: Int64?) async throws -> MerkleHash? {
        guard let index else { return nil }
        guard let leaf = try? await runtime.sequencer.leaf(at: index) else {
            throw Problem.badRequest("refers_to: the log has no entry \(index)")
        }
        return leaf
    }

    private static func holdings(_ request: Request, _ ledger: Ledger) -> [Holding] {
        struct Place: Hashable {
            var hour: Int64
            var node: String
        }
        let hours = request.period.start.hour...request.period.lastHour
        var sums: [Place: Int128] = [:]
        for line in ledger.lines where line.account.key == request.from.name && line.provenance != .synthetic {
            let node = ledger.nodes[Int(line.node)]
            for hour in line.hours where (request.node ?? node) == node {
                let place = Place(hour: ledger.hours[Int(hour.slot)], node: node)
                guard hours.contains(place.hour) else { continue }
                let energy = line.energy(hour)
                for component in Component.allCases where energy[component] > 0 {
                    sums[place, default: 0] += energy[component]
                }
            }
        }
        return sums.map { Holding(node: $0.key.node, hour: $0.key.hour, microjoules: Int64(clamping: $0.value)) }
            .filter { $0.microjoules > 0 }.sorted { ($0.hour, $0.node) < ($1.hour, $1.node) }
    }

    /// All of it, or an amount spread over nodes and hours in proportion to what they hold.
    private static func moves(_ request: Request, _ holdings: [Holding]) throws(Problem) -> [CorrectEntry.Move] {
        let available = holdings.reduce(Int128(0)) { $0 + Int128($1.microjoules) }
        guard available > 0 else {
            throw .conflict("nothing is posted to \(request.from.name) there; see 'wattest report' for what is")
        }
        let wanted = request.microjoules.map { Int128($0) } ?? available
        guard wanted <= available else {
            throw .conflict("only \(available) µJ are posted to \(request.from.name) there; move that or less")
        }
        var left = wanted
        var moves: [CorrectEntry.Move] = []
        var unseen = available
        for holding in holdings {
            // Rounded up against what is still unseen, so that the last one ends it exactly.
            let share = (left * Int128(holding.microjoules) + unseen - 1) / unseen
            left -= share
            unseen -= Int128(holding.microjoules)
            guard share > 0 else { continue }
            moves.append(
                CorrectEntry.Move(
                    node: holding.node, hour: UTCTime(hour: holding.hour), from: request.from, to: request.to,
                    microjoules: Int64(clamping: share)))
        }
        return moves
    }
}
