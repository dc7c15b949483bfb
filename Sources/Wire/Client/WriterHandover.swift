import GRPCCore

/// Brings the two halves of a stream together.
///
/// gRPC runs one closure that writes and another that reads; a caller who answers what it reads needs both in one
/// place. The writing closure lends its writer here and stays until it is given back.
final class WriterHandover: Sendable {
    private let lent: AsyncStream<RPCWriter<Wattest_V1_Up>>
    private let lending: AsyncStream<RPCWriter<Wattest_V1_Up>>.Continuation
    private let returned: AsyncStream<Never>
    private let returning: AsyncStream<Never>.Continuation

    init() {
        (self.lent, self.lending) = AsyncStream.makeStream()
        (self.returned, self.returning) = AsyncStream.makeStream()
    }

    /// The writing side: waits until the writer is no longer needed, or the stream is cancelled.
    func lend(_ writer: RPCWriter<Wattest_V1_Up>) async {
        self.lending.yield(writer)
        self.lending.finish()
        for await _ in self.returned {}
    }

    /// The reading side: nil if the stream ended first.
    func borrow() async -> RPCWriter<Wattest_V1_Up>? {
        for await writer in self.lent { return writer }
        return nil
    }

    func giveBack() {
        self.returning.finish()
    }
}
