// Wire: the connection between a node's agent and an aggregator.
//
// It owns the protobuf messages and gRPC (generated, internal: no other module can see them), the mutual TLS around
// them, and one plain Swift value for each message. It checks who the peer is and how large a message may be; it knows
// nothing of what a note says. Everything above sees `[UInt8]`, String and integers.

/// Sizes on the wire.
package enum WireLimits {
    /// The largest entry of a log (RULES section 1).
    package static let noteBytesMax = 65_535
    /// The largest sample block.
    package static let samplesBytesMax = 4 << 20
    /// The largest message that the transport carries. Twice what an honest agent sends, so that an oversized note
    /// reaches the intake and is refused with a code instead of breaking the connection.
    package static let messageBytesMax = 8 << 20
}
