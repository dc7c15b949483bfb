import Batches
import Energy
import Wire

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The real world: clocks, randomness, waiting.
package enum AgentEnvironment {
    package static func bootNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    package static func unixSeconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }

    package static func utcMicroseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    package static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    package static func pause(milliseconds: Int64) async throws {
        try await NetworkLoop.pause(milliseconds: milliseconds)
    }

    /// Runs tasks on the loop of the network, so that no other thread wakes for them.
    package static var executor: any TaskExecutor { NetworkLoop.shared }

    package static func jitter() -> Int64 { Int64.random(in: 0...999) }
}

extension RecordedImport.Environment {
    /// Connects as an enrolled signer.
    package static func live(_ enrolment: Enrolment) -> RecordedImport.Environment {
        RecordedImport.Environment(
            client: { try await CertificateKeeper(enrolment).client() }, pause: AgentEnvironment.pause,
            jitter: AgentEnvironment.jitter, monotonicNanoseconds: AgentEnvironment.bootNanoseconds)
    }
}
