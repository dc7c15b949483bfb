import Batches
import ClusterSimulation
import Disclosure
import JSONText
import Testing

/// The table of cheats: what is caught is played somewhere, what remains stands in every report.
@Suite struct CheatTableTests {
    /// Cheats that no log can catch, each with words of the limit that owns up to it.
    @Test(arguments: [
        ("a node owner never enrols a node", "never enrolled"),
        ("a sensor, driver or kernel lies", "does not say that the sensor told the truth"),
        ("a job is misnamed or misclassed", "statements of people"),
        ("split views without witnesses", "a second log for other eyes would not be noticed"),
        ("joules move before they are signed", "root on a node and holds the scheduler's key"),
        ("a node and all of its later batches are dropped", "seen by its silence alone"),
        ("an offline node dates its batches back", "that bracket is wide"),
        ("a stolen node key", "signs as its owner would"),
        ("a stolen log key appends", "two of its histories side by side"),
        ("all parties are one", "nothing technical is left"),
        ("recorded logs are invented", "claims of their source"),
        ("energy during an outage after a reset", "lower bounds"),
    ]) func whatIsNotCaughtIsALimit(_ cheat: String, _ words: String) throws {
        var log = try exampleLog(seed: 31)
        // An outage of which nothing is known.
        try log.importLog(
            "m3", job: log.record("gone").pseudonym, interval: examplePeriod, joules: 1, expectedNodes: 4,
            by: "importer")
        let disclosure = Disclosure(try log.disclosureInput(examplePeriod))
        let limits = disclosure.value["limits"]?.array?.compactMap(\.string) ?? []
        let isStated = limits.contains { $0.contains(words) }
        #expect(isStated, "\(cheat): \(limits)")
    }
}
