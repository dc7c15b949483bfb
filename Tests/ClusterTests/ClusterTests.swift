import Testing

/// The programs as they are built, driven from outside, around one aggregator. Each test founds an organization of its
/// own, so that none sees what another has logged.
@Suite(.aggregator) struct ClusterTests {}

/// Random moments and bits come from a seed that a failure names.
enum Seed {
    /// A fixed one, and one that nobody has tried yet.
    static let two: [UInt64] = [1, UInt64.random(in: 2...999_999_999)]

    static let fresh = UInt64.random(in: 0...999_999_999)
}
