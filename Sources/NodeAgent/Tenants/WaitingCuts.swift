import Batches
import TransparencyLog

/// Cuts that wait for a tenant's chain to be opened again, as files beside its spool: the home log has no more of them
/// than a sum, so they outlive the agent.
///
/// A file has the name of the home batch's place and is written before that batch: a crash between the two leaves a cut
/// of a batch that never was, which the next start tells by its place.
struct WaitingCuts: Sendable {
    private let directory: String
    private let enrolment: Enrolment
    private var kept: Set<ChainPosition> = []

    init(_ enrolment: Enrolment) {
        self.enrolment = enrolment
        directory = enrolment.directory + "/waiting"
    }

    var isEmpty: Bool { kept.isEmpty }

    /// What an earlier run left, in the order of the home batches.
    ///
    /// - Parameters:
    ///   - signed: the home batch of the newest extract that is signed; those up to it are done.
    ///   - next: the place of the home batch that this run signs first; those from it on never were.
    mutating func recover(behind signed: ChainPosition?, before next: ChainPosition?) throws -> [TenantChain.Cut] {
        try DurableFile.makeDirectory(directory)
        var cuts: [TenantChain.Cut] = []
        for name in try DurableFile.names(in: directory) {
            let path = "\(directory)/\(name)"
            guard !name.hasSuffix(DurableFile.temporarySuffix), let bytes = try DurableFile.read(path),
                let cut = TenantChain.Cut(bytes), signed.map({ Self.isBefore($0, cut.place) }) ?? true,
                !(next.map { $0.incarnation == cut.place.incarnation && !Self.isBefore(cut.place, $0) } ?? false)
            else {
                try DurableFile.delete(path)
                continue
            }
            kept.insert(cut.place)
            cuts.append(cut)
        }
        return cuts
    }

    mutating func keep(_ cut: TenantChain.Cut) throws {
        guard kept.insert(cut.place).inserted else { return }
        try DurableFile.replace(path(cut.place), with: cut.bytes(enrolment))
        try DurableFile.syncDirectory(directory)
    }

    /// Forgets a cut whose extract is in the spool.
    mutating func drop(_ place: ChainPosition) throws {
        guard kept.remove(place) != nil else { return }
        try DurableFile.delete(path(place))
    }

    private func path(_ place: ChainPosition) -> String { "\(directory)/\(place.incarnation)-\(place.sequence)" }

    static func isBefore(_ left: ChainPosition, _ right: ChainPosition) -> Bool {
        (left.incarnation, left.sequence) < (right.incarnation, right.sequence)
    }
}

extension TenantChain.Cut {
    /// Of the home batch; every cut has another one.
    var place: ChainPosition { home.position }

    /// As the text of an extract that nobody signed, whose place and predecessor mean nothing.
    fileprivate func bytes(_ enrolment: Enrolment) -> [UInt8] {
        Batch(
            log: enrolment.log, node: enrolment.node, position: place, previous: .emptyTree, home: home, anchor: nil,
            boot: boot, clock: clock, facts: facts, samples: nil, salt: Array(repeating: 0, count: 16)
        ).text
    }

    /// nil for bytes that are no cut.
    fileprivate init?(_ bytes: [UInt8]) {
        guard let batch = try? Batch(text: bytes), let home = batch.home else { return nil }
        self.init(facts: batch.facts, samples: nil, home: home, clock: batch.clock, boot: batch.boot)
    }
}
