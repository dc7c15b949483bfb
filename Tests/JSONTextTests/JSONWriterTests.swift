import SeededRandom
import Testing

@testable import JSONText

@Suite struct JSONWriterTests {
    /// Piece by piece it writes what the value renders to, at every depth and in both forms.
    @Test(arguments: [JSONValue.Form.compact, .pretty])
    func whatIsWrittenIsWhatTheValueRendersTo(form: JSONValue.Form) {
        let value: JSONValue = [
            "text": "a\"\\\n\u{1}é", "none": nil, "yes": true, "no": false, "least": .integer(Int64.min),
            "most": .integer(Int64.max), "zero": 0, "nothing": [], "empty": [:],
            "wide": .decimalString(Int128.min), "sum": "-1", "absent": nil,
            "list": [["x": 1], [:], ["y": ["z": 10]]], "dynamic \"name\"": "7",
        ]
        var writer = JSONWriter(form)
        writer.object { writer in
            writer.member("text", text: "a\"\\\n\u{1}é")
            writer.member("none", text: nil)
            writer.member("yes", bool: true)
            writer.member("no", false)
            writer.member("least", integer: .min)
            writer.member("most", integer: .max)
            writer.member("zero", integer: 0)
            writer.name("nothing")
            writer.list([JSONValue]()) { $0.write($1) }
            writer.name("empty")
            writer.object { _ in }
            writer.member("wide", decimal: .min)
            writer.member("sum", decimal: -1)
            writer.member("absent", decimal: nil)
            writer.name("list")
            writer.list([0, 1, 2]) { writer, number in
                writer.object { writer in
                    if number == 0 { writer.member("x", integer: 1) }
                    guard number == 2 else { return }
                    writer.name("y")
                    writer.object { $0.member("z", integer: 10) }
                }
            }
            writer.member(named: "dynamic \"name\"", decimal: 7)
        }
        #expect(writer.finished() == value.rendered(form))
    }

    @Test func numbersHaveAllTheirDigits() {
        var random = SeededRandom(seed: 5)
        let edges: [Int64] = [0, 1, 9, 10, 99, 100, -1, -9, -10, .max, .min, 1_000_000_000_000_000_000]
        for value in edges + (0..<2000).map({ Int64.random(in: .min ... .max, using: &random) >> ($0 % 64) }) {
            var writer = JSONWriter(.compact)
            writer.write(value)
            #expect(String(decoding: writer.text, as: UTF8.self) == "\(value)")
        }
    }

    @Test(arguments: [0, 1, 511, 512, 1337], [JSONValue.Form.compact, .pretty])
    func aSharedListIsTheListInItsOrder(count: Int, form: JSONValue.Form) {
        let elements = Array(0..<Int64(count))
        var writer = JSONWriter(form)
        writer.object { writer in
            writer.name("items")
            writer.share(elements) { writer, element in writer.object { $0.member("n", integer: element) } }
        }
        let value: JSONValue = ["items": .array(elements.map { ["n": .integer($0)] })]
        #expect(writer.finished() == value.rendered(form))
    }

    @Test(arguments: [0, 1, 63, 64, 65, 700], [JSONValue.Form.compact, .pretty])
    func aListThatWasWrittenBeforehandStandsInItsPlace(count: Int, form: JSONValue.Form) {
        let (list, other) = JSONListText.written(Array(0..<Int64(count)), form, level: 2) { writer, element in
            writer.object { $0.member("n", integer: element) }
        } beside: {
            "beside"
        }
        #expect(other == "beside")
        var writer = JSONWriter(form)
        writer.object { writer in
            writer.name("inner")
            writer.object { writer in
                writer.member("before", integer: 1)
                writer.name("items")
                writer.list(list)
                writer.member("behind", integer: 2)
            }
        }
        let items = JSONValue.array((0..<count).map { ["n": .integer($0)] })
        let value: JSONValue = ["inner": ["before": 1, "items": items, "behind": 2]]
        #expect(writer.finished() == value.rendered(form))
    }
}
