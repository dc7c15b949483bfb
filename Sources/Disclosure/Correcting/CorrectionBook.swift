import Accounts
import Batches
import Energy

/// Where corrections take from and give to: what the nodes and hours hold that some correction of the log names.
///
/// The survey tells them beforehand, so that a correction has the same effect whatever period is read.
struct CorrectionBook: Sendable, Codable {
    struct Place: Sendable, Hashable, Codable {
        var node: String
        var hour: Int64
    }

    /// What one move did: so much of one component, from one account to another.
    struct Shift: Sendable, Hashable {
        var key: Ledger.Key
        var to: Account
        var component: Component
        var microjoules: Int64
    }

    private var held: [Place: [Ledger.Key: ComponentEnergy]]

    init(places: Set<Place>) { held = Dictionary(uniqueKeysWithValues: places.map { ($0, [:]) }) }

    var isIdle: Bool { held.isEmpty }

    /// Places that entries behind a ledger's name, with what it holds there. Those that are open stay as they are.
    mutating func open(_ places: Set<Place>, _ ledger: Ledger) {
        let new = places.filter { held[$0] == nil }
        guard !new.isEmpty else { return }
        for place in new { held[place] = [:] }
        let hours = new.map(\.hour)
        ledger.forEachEnergy(in: (hours.min() ?? 0)...(hours.max() ?? 0)) { key, energy in
            let place = Place(node: key.node, hour: key.hour)
            if new.contains(place) { held[place]?[key] = energy }
        }
    }

    mutating func add(_ postings: [Posting], node: String) {
        for posting in postings {
            let place = Place(node: node, hour: posting.hour)
            guard held[place] != nil else { continue }
            let key = Ledger.Key(
                account: posting.account, node: node, hour: posting.hour, provenance: posting.provenance,
                boundary: posting.boundary)
            held[place]?[key, default: ComponentEnergy()][posting.component] += Int128(posting.microjoules)
        }
    }

    /// Moves energy, as far as there is some, in proportion to what the cells of the account hold.
    mutating func apply(_ move: CorrectEntry.Move) -> [Shift] {
        let place = Place(node: move.node, hour: move.hour.hour)
        guard let keys = held[place] else { return [] }
        let from = Account(move.from)
        var cells: [(key: Ledger.Key, component: Component, microjoules: Int64)] = []
        for (key, energy) in keys where key.account == from && key.provenance != .synthetic {
            for component in Component.allCases where energy[component] > 0 {
                cells.append((key, component, Int64(clamping: energy[component])))
            }
        }
        cells.sort { left, right in
            (left.key.provenance.code, left.key.boundary.rawValue, left.component.rawValue)
                < (right.key.provenance.code, right.key.boundary.rawValue, right.component.rawValue)
        }
        let available = cells.reduce(Int128(0)) { $0 + Int128($1.microjoules) }
        let amounts = Self.shares(Int128(move.microjoules), of: cells.map(\.microjoules), sum: available)
        var shifts: [Shift] = []
        for (cell, amount) in zip(cells, amounts) where amount > 0 {
            let shift = Shift(
                key: cell.key, to: Account(move.to), component: cell.component, microjoules: Int64(clamping: amount))
            held[place]?[shift.key, default: ComponentEnergy()][shift.component] -= amount
            held[place]?[shift.target, default: ComponentEnergy()][shift.component] += amount
            shifts.append(shift)
        }
        return shifts
    }

    /// Parts of an amount by largest remainder, none larger than its cell; ties go to the first.
    private static func shares(_ wanted: Int128, of cells: [Int64], sum: Int128) -> [Int128] {
        guard wanted < sum else { return cells.map { Int128($0) } }
        var shares = cells.map { wanted * Int128($0) / sum }
        let remainders = cells.map { wanted * Int128($0) % sum }
        let rest = Int(wanted - shares.reduce(0, +))
        for index in cells.indices.sorted(by: { (remainders[$1], $0) < (remainders[$0], $1) }).prefix(rest) {
            shares[index] += 1
        }
        return shares
    }
}

extension CorrectionBook.Shift {
    /// The account that it goes to.
    var target: Ledger.Key {
        var target = key
        target.account = to
        return target
    }
}

extension Account {
    init(_ account: CorrectEntry.Account) {
        switch account {
        case .job(let job): self = .job(job)
        case .idleReserved(let job): self = .idleReserved(job)
        case .idle: self = .idle
        case .unattributed: self = .unattributed
        case .gap: self = .gap
        }
    }
}
