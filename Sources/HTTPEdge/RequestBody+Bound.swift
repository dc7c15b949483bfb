import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore

extension Request {
    /// The whole body.
    ///
    /// - Throws: ``Problem`` 413 above `bytesMax`, before the excess is read where the client announces it.
    package func bytes(max bytesMax: Int) async throws -> [UInt8] {
        if let announced = self.headers[.contentLength].flatMap({ Int($0) }), announced > bytesMax {
            throw Problem.tooLarge(bytesMax: bytesMax)
        }
        var bytes: [UInt8] = []
        for try await part in self.body {
            guard bytes.count + part.readableBytes <= bytesMax else { throw Problem.tooLarge(bytesMax: bytesMax) }
            bytes.append(contentsOf: part.readableBytesView)
        }
        return bytes
    }
}

extension Response {
    /// A body of known bytes.
    package init(
        status: HTTPResponse.Status = .ok, type: String, bytes: [UInt8], headers extra: HTTPFields = [:]
    ) {
        var headers = extra
        headers[.contentType] = type
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// A body that is written part by part, as fast as the client reads and never held as a whole.
    ///
    /// An error that `write` throws cuts the connection: a client must not take a part for the whole. The log has the
    /// reason, unless it is the client who has gone.
    package init(
        streaming type: String, headers extra: HTTPFields = [:], logger: Logger,
        _ write: @escaping @Sendable (_ send: ([UInt8]) async throws -> Void) async throws -> Void
    ) {
        var headers = extra
        headers[.contentType] = type
        let body = ResponseBody { writer in
            var open: any ResponseBodyWriter = writer
            var isClientGone = false
            do {
                try await write { bytes in
                    do {
                        try await open.write(ByteBuffer(bytes: bytes))
                    } catch {
                        isClientGone = true
                        throw error
                    }
                }
            } catch {
                if !isClientGone { logger.critical("answer cut off", metadata: ["error": "\(error)"]) }
                throw error
            }
            writer = open
            try await writer.finish(nil)
        }
        self.init(status: .ok, headers: headers, body: body)
    }
}
