import Testing
import TransparencyLog

/// Expects a refusal with this code, in one line; gives it back for a look at its words.
@discardableResult
func expectRefusal<Value>(
    _ code: TransparencyLogError.Code, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Value
) -> String {
    do {
        let value = try body()
        Issue.record("accepted as \(value), expected \(code); \(comment ?? "")", sourceLocation: sourceLocation)
    } catch let error as TransparencyLogError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
        return error.reason
    } catch {
        Issue.record("unexpected \(error)", sourceLocation: sourceLocation)
    }
    return ""
}
