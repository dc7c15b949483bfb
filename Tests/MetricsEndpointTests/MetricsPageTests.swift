import Testing

@testable import MetricsEndpoint

@Suite struct MetricsPageTests {
    @Test func pageIsInTheTextFormat() {
        var page = MetricsPage()
        page.counter(
            "wattest_refused_total", "Entries refused, by code.",
            [MetricSample(["code": "BAD_SYNTAX"], 3), MetricSample(["code": "OVERLAP", "log": "a"], 0)])
        page.gauge("wattest_spool_bytes", "Bytes in the spool.", .unsigned(.max))
        #expect(
            String(decoding: page.text, as: UTF8.self) == """
                # HELP wattest_refused_total Entries refused, by code.
                # TYPE wattest_refused_total counter
                wattest_refused_total{code="BAD_SYNTAX"} 3
                wattest_refused_total{code="OVERLAP",log="a"} 0
                # HELP wattest_spool_bytes Bytes in the spool.
                # TYPE wattest_spool_bytes gauge
                wattest_spool_bytes 18446744073709551615

                """)
    }

    @Test func textCannotBreakOutOfItsPlace() {
        var page = MetricsPage()
        page.gauge("a", "back\\slash \"quoted\"\nsecond", [MetricSample(["b": "x\"} 1\nevil 2\\"], 1)])
        #expect(
            String(decoding: page.text, as: UTF8.self) == """
                # HELP a back\\\\slash "quoted"\\nsecond
                # TYPE a gauge
                a{b="x\\"} 1\\nevil 2\\\\"} 1

                """)
    }

    @Test(
        arguments: [
            (.integer(-5), "-5"), (.integer(.max), "9223372036854775807"), (.real(0.5), "0.5"), (.real(.nan), "NaN"),
            (.real(.infinity), "+Inf"), (.real(-.infinity), "-Inf"), (.real(1e300), "1e+300"),
        ] as [(MetricValue, String)])
    func valuesHaveTheFormatsSpelling(_ value: MetricValue, _ text: String) {
        #expect(value.description == text)
    }

    @Test func metricWithoutSamplesStillExplainsItself() {
        var page = MetricsPage()
        page.counter("a_total", "Nothing yet.", [])
        #expect(String(decoding: page.text, as: UTF8.self) == "# HELP a_total Nothing yet.\n# TYPE a_total counter\n")
    }
}
