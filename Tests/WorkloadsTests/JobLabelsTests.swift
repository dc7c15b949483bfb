import JSONText
import Testing

@testable import Workloads

@Suite struct JobLabelsTests {
    /// However people write a class, reports sum one.
    @Test func aClassIsOneHoweverItIsWritten() throws {
        #expect(
            JobLabels.parse(comment: "model=Llama-2, wattest.CLASS=Final;activity=") == [
                "model": "Llama-2", "class": "final",
            ])
        let environment = TaskEnvironment(["WATTEST_CLASS": "FAILED", "WATTEST_MODEL": "A", "WATTEST_ACTIVITY": ""])
        #expect(JobLabels.parse(environment: environment) == ["class": "failed", "model": "A"])
        let text =
            #"{"metadata": {"uid": "u", "name": "p", "namespace": "n", "labels": "#
            + #"{"job-name": "j", "wattest/class": "Evaluation", "wattest/model": "B"}}, "spec": {"containers": []}}"#
        let pod = try #require(PodObject(try JSONValue(parsing: Array(text.utf8))))
        let labels = try #require(pod.workload(cluster: "k", accounts: AccountMap())).labels
        #expect(labels["class"] == "evaluation" && labels["model"] == "B")
    }
}
