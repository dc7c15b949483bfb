import Energy

extension Entry {
    /// Whether the entry says something of one job: of its life, its files, its hold on a node, its class, corrections.
    package func concerns(job pseudonym: String) -> Bool {
        switch self {
        case .job(let entry): entry.job == pseudonym
        case .imported(let entry): entry.job == pseudonym
        case .batch(let entry): entry.facts.allocations.contains { $0.job == pseudonym }
        case .set(let entry): entry.subject == pseudonym
        case .correct(let entry): entry.moves.contains { $0.from.job == pseudonym || $0.to.job == pseudonym }
        default: false
        }
    }
}
