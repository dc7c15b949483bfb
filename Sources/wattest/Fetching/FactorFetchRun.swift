import AsyncHTTPClient
import Emissions
import Energy
import JSONText
import NIOCore
import TransparencyLog

/// One fetch from its first request to its table.
struct FactorFetchRun {
    struct Outcome {
        var factors: FetchedFactors
        var requests: [String]
        /// SHA-256 over the answers' bytes, one after the other.
        var answersSHA256: String
    }

    let query: FactorQuery
    let exchange: ProviderExchange
    let now: @Sendable () -> UTCTime
    let pause: @Sendable (_ seconds: Int64) async throws -> Void

    func outcome() async throws -> Outcome {
        var fetch = FactorFetch(query)
        var step = fetch.resume()
        var requests: [String] = []
        var answers: [UInt8] = []
        while true {
            switch step {
            case .finished(let factors):
                return Outcome(
                    factors: factors, requests: requests, answersSHA256: MerkleHash.sha256(of: answers).hexadecimal)
            case .wait(let seconds):
                try await pause(seconds)
                step = fetch.resume()
            case .send(let request):
                step = try await Self.explained {
                    let answer: FactorFetch.Answer
                    do {
                        answer = try await exchange.send(request)
                    } catch let error as CancellationError {
                        throw error
                    } catch {
                        return try fetch.lost(Self.words(error))
                    }
                    if answer.status == 200, request.proof != .basic {
                        requests.append(request.description)
                        answers += answer.body
                    }
                    return try fetch.receive(answer, now: now())
                }
            }
        }
    }

    /// What went wrong with a connection, without the address: it may hold a secret.
    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: error.shortDescription
        case is NIOTooManyBytesError: "the answer is larger than \(ProviderExchange.maximumAnswerBytes >> 20) MiB"
        default: "\(type(of: error))"
        }
    }

    private static func explained(
        _ body: () async throws -> FactorFetch.Step
    ) async throws -> FactorFetch.Step {
        do {
            return try await body()
        } catch let error as EmissionsError {
            throw failure(error)
        }
    }

    static func failure(_ error: EmissionsError) -> CommandFailure {
        switch error.code {
        case .unavailable: CommandFailure(.unavailable, "PROVIDER_UNAVAILABLE", error.message)
        case .refused: CommandFailure(.refused, "PROVIDER_REFUSED", error.message)
        case .marginalSignal: CommandFailure(.refused, "MARGINAL_SIGNAL", error.message)
        case .malformedAnswer: CommandFailure(.refused, "PROVIDER_ANSWER", error.message)
        default: CommandFailure(.usage, "USAGE", error.message)
        }
    }
}
