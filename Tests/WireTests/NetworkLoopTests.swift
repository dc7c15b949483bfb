import Testing

@testable import Wire

@Suite(.timeLimit(.minutes(1))) struct NetworkLoopTests {
    @Test func tasksAndTheirChildrenStayOnTheLoop() async throws {
        try await withTaskExecutorPreference(NetworkLoop.shared) {
            let (numbers, feed) = AsyncStream.makeStream(of: Int.self)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask { NetworkLoop.shared.isCurrent }
                group.addTask {
                    for await _ in numbers where !NetworkLoop.shared.isCurrent { return false }
                    return NetworkLoop.shared.isCurrent
                }
                try await NetworkLoop.pause(milliseconds: 1)
                for number in 0..<100 { feed.yield(number) }
                feed.finish()
                for try await isOnLoop in group { #expect(isOnLoop) }
            }
        }
    }

    @Test func aPauseEndsWithItsTask() async {
        let hasThrown = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await NetworkLoop.pause(milliseconds: 3_600_000)
                    return false
                } catch {
                    return true
                }
            }
            group.cancelAll()
            return await group.next()
        }
        #expect(hasThrown == true)
    }
}
