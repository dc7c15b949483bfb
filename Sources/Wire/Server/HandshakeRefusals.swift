import Synchronization

/// Why a client was turned away before it could say anything.
///
/// The raw value is the `reason` of the metric `wattest_tls_refused_total`.
package enum HandshakeRefusal: String, Sendable, Hashable, CaseIterable {
    /// It showed no certificate.
    case noCertificate = "no_certificate"
    /// Its certificate is not this authority's, or not one for a client.
    case unknownCA = "unknown_ca"
    /// Its certificate's time is over; counted too when only renewal was still allowed and it asked for more.
    case expired = "expired"
    /// Not TLS 1.3, not HTTP/2, too slow, or it refused the server's certificate.
    case other = "other"
}

/// Counts refusals; shared by all event loops.
final class HandshakeRefusalCounters: Sendable {
    private let counts = Mutex<[HandshakeRefusal: UInt64]>([:])

    func count(_ refusal: HandshakeRefusal) {
        self.counts.withLock { $0[refusal, default: 0] &+= 1 }
    }

    /// Every reason, also those that never happened: a counter that appears late hides its first increase.
    var snapshot: [HandshakeRefusal: UInt64] {
        self.counts.withLock { counts in
            Dictionary(uniqueKeysWithValues: HandshakeRefusal.allCases.map { ($0, counts[$0] ?? 0) })
        }
    }
}
