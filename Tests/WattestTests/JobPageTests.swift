import JSONText
import Testing

@testable import wattest

struct JobPageTests {
    private func node(_ members: String) throws -> JSONValue { try JSONValue(parsing: "{\"node\":\"n\",\(members)}") }

    @Test func eachNodeSaysWhyItIsComplete() throws {
        let states = try [
            #""kind":"node","energy_uj":"5","coverage":1,"measured_ms":"9","bridged_ms":"0","missing_ms":"0""#,
            #""kind":"node","energy_uj":"5","coverage":1,"measured_ms":"8","bridged_ms":"1500","missing_ms":"0""#,
            #""kind":"node","energy_uj":"5","coverage":0.9,"measured_ms":"9","bridged_ms":"0","missing_ms":"1919""#,
            #""kind":"node","energy_uj":null,"coverage":null,"measured_ms":"0","bridged_ms":"0","missing_ms":"0""#,
            #""kind":"node","energy_uj":"5","coverage":null,"measured_ms":"0","bridged_ms":"0","missing_ms":"0""#,
            #""kind":"source","energy_uj":"5","coverage":null,"measured_ms":"0","bridged_ms":"0","missing_ms":"0""#,
        ].map { JobPage.state(of: try node($0)) }
        #expect(states[0] == "complete")
        #expect(states[1] == "complete; 1.500 s bridged, their shape is not known")
        #expect(states[2] == "lower bound: 1.919 s held without readings")
        #expect(states[3] == "expected, and nothing of it is in the log")
        #expect(states[4].hasPrefix("unknown"))
        #expect(states[5].hasPrefix("a shared source"))
    }

    @Test func pageLabelsLowerBounds() throws {
        let job = try JSONValue(
            parsing: """
                {"key":"c/import/j@-","energy_uj":"7200000000000","lower_bound":true,"coverage":0.5,"nodes_expected":2,
                "nodes_reporting":1,"flags":["claimed_time"],"by_node":[],"by_provenance":{"recorded":"7200000000000"}}
                """)
        let page = JobPage(job: job).text
        #expect(page.contains("Job c/import/j@-"))
        #expect(page.contains("at least 2.0000 kWh (7,200,000,000,000 µJ)"))
        #expect(page.contains("1 of 2 reporting"))
        #expect(page.contains("Provenance: recorded 2.0000 kWh"))
        #expect(page.contains("Flag claimed_time: the times are those of an imported log"))
        #expect(page.contains("(2 more)"))
    }

    /// Whoever runs a job names its model.
    @Test func aNameMakesNoLineOfItsOwn() throws {
        let job = try JSONValue(
            parsing: #"{"key":"c/exec/j@-","energy_uj":"5","model":"m\n  energy      0 kWh\u001b[2K","by_node":[]}"#)
        let lines = JobPage(job: job).text.split(separator: "\n")
        #expect(lines.contains("  model       m   energy      0 kWh\u{FFFD}[2K"))
        var table = TextTable(("job", .left), ("model", .left))
        table.add("j", "m\nk")
        #expect(table.text == "job  model\nj    m k\n")
    }

    @Test func whoSaidHowManyNodesIsShownWhereTheyDiffer() throws {
        let job = try JSONValue(
            parsing: """
                {"key":"c/slurm/7@1","energy_uj":"5","nodes_expected":2,"nodes_reporting":2,"flags":["nodes_disputed"],
                "nodes_expected_by":[{"witness":"scheduler","by":"log/administration","nodes":2,"entry":"40"},
                {"witness":"agent","by":null,"nodes":3,"entry":null}]}
                """)
        let page = JobPage(job: job).text
        #expect(
            page.contains(
                "2 of 2 reporting; expected: 2 by scheduler log/administration, entry 40; 3 by agent\n"))
        #expect(page.contains("Flag nodes_disputed: not all who said"))
    }

    @Test func attemptsAndNodesWithoutANameHaveLines() throws {
        let job = try JSONValue(
            parsing: """
                {"key":"c/slurm/7@1","energy_uj":"5","lower_bound":true,"coverage":0.5,"nodes_expected":4,"attempts":2,
                "nodes_reporting":1,"flags":["late_data","new_word"],
                "node_ms":{"missing":"96000"},
                "attempt_windows":[{"attempt":0,"start":"2026-01-01T00:00:00Z","stop":"2026-01-01T00:01:00Z"},
                {"attempt":1,"start":"2026-01-01T00:02:00Z","stop":null}],
                "by_node":[
                {"node":"n1","kind":"node","energy_uj":"5","coverage":1,"missing_ms":"6000","reason":"because"},
                {"node":"sw","kind":"source","energy_uj":"5","coverage":null,"missing_ms":"0","reason":"a source"}]}
                """)
        let page = JobPage(job: job).text
        #expect(page.contains("attempt 0   2026-01-01T00:00:00Z to 2026-01-01T00:01:00Z"))
        #expect(page.contains("attempt 1   2026-01-01T00:02:00Z to now"))
        let nameless = page.split(separator: "\n").first { $0.hasPrefix("(3 more)") }
        let reason = "90.000  expected, and nothing of them is in the log: nobody told the names"
        #expect(nameless?.hasSuffix(reason) == true)
        #expect(page.contains("Flag late_data: some batches came") && page.hasSuffix("Flag new_word\n"))
    }

    @Test func unknownExpectationIsSaid() throws {
        let job = try JSONValue(parsing: #"{"pseudonym":"abc","energy_uj":"0","coverage":null,"nodes_expected":null}"#)
        let page = JobPage(job: job).text
        #expect(page.contains("Job abc"))
        #expect(page.contains("unknown: nobody said how many nodes"))
    }

    @Test func columnsAlign() {
        var table = TextTable(("a", .left), ("bb", .right))
        table.add("xyz", "1")
        table.add("µ", "22")
        #expect(table.text == "a    bb\nxyz   1\nµ    22\n")
    }
}
