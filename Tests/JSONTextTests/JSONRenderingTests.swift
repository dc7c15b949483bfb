import SeededRandom
import Testing

@testable import JSONText

@Suite struct JSONRenderingTests {
    @Test func compactAndPretty() {
        let value: JSONValue = ["b": [1, "x", nil, true, [], [:]], "a": ["c": -2], "d": []]
        #expect(value.text() == #"{"b":[1,"x",null,true,[],{}],"a":{"c":-2},"d":[]}"#)
        #expect(
            value.text(.pretty) == """
                {
                  "b": [
                    1,
                    "x",
                    null,
                    true,
                    [],
                    {}
                  ],
                  "a": {
                    "c": -2
                  },
                  "d": []
                }

                """)
    }

    /// Long lists are written in pieces, which nobody must see.
    @Test(arguments: [511, 512, 513, 3000], [JSONValue.Form.compact, .pretty])
    func aLongListIsWrittenAsAShortOne(count: Int, form: JSONValue.Form) throws {
        let elements = (0..<count).map { number -> JSONValue in
            ["n": .integer(number), "list": .array([.integer(number), [], ["deep": "\n"]])]
        }
        let list: JSONValue = ["before": 1, "list": .array(elements), "after": [.array(elements)]]
        let shift = form == .pretty ? 2 : 0
        let pieces = elements.map { element in
            var text = element.text(form)
            if form == .pretty {
                text.removeLast()
                text = "\n    " + text.replacing("\n", with: "\n    ")
            }
            return text
        }
        let end = form == .pretty ? "\n" + String(repeating: " ", count: shift) + "]" : "]"
        let text = list.text(form)
        #expect(text.contains("[" + pieces.joined(separator: ",") + end))
        #expect(try JSONValue(parsing: list.rendered(form)) == list)
    }

    @Test func onlyWhatMustBeEscapedIs() {
        #expect(
            JSONValue.string("a\"\\/\u{8}\t\n\u{c}\r\u{1f}\0é😀\u{7f}\u{2028}").text()
                == "\"a\\\"\\\\/\\b\\t\\n\\f\\r\\u001f\\u0000é😀\u{7f}\u{2028}\"")
    }

    @Test func renderedValuesParseToThemselves() throws {
        for seed in 0..<300 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let value = randomValue(&random, depth: 0)
            for form in [JSONValue.Form.compact, .pretty] {
                let text = value.rendered(form)
                let parsed = try JSONValue(parsing: text)
                #expect(parsed == value, "seed \(seed)")
                #expect(parsed.rendered(form) == text, "seed \(seed)")
            }
        }
    }

    /// Damaged text ends in a value or an error, never in a trap, and a value that comes out renders and parses again.
    @Test func damagedTextNeverTraps() throws {
        for seed in 0..<2000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            var text = randomValue(&random, depth: 0).rendered()
            for _ in 0..<Int.random(in: 1...4, using: &random) where !text.isEmpty {
                let place = Int.random(in: 0..<text.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: text[place] = UInt8.random(in: 0...255, using: &random)
                case 1: text.remove(at: place)
                case 2: text.insert(Array("{}[]\",:\\u-e.0".utf8).randomElement(using: &random) ?? 0, at: place)
                default: text.removeSubrange(place...)
                }
            }
            guard let value = try? JSONValue(parsing: text) else { continue }
            #expect(try JSONValue(parsing: value.rendered()) == value, "seed \(seed)")
        }
    }

    private func randomValue(_ random: inout SeededRandom, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 4 ? 4 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int64.random(in: .min ... .max, using: &random))
        case 3: return .string(randomString(&random))
        case 4:
            let count = Int.random(in: 0..<5, using: &random)
            return .array((0..<count).map { _ in randomValue(&random, depth: depth + 1) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0..<30, using: &random) {
                object.append(randomString(&random), randomValue(&random, depth: depth + 3))
            }
            return .object(object)
        }
    }

    private func randomString(_ random: inout SeededRandom) -> String {
        let scalars: [Unicode.Scalar] = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
            let limits: [UInt32] = [0x20, 0x80, 0x800, 0xD800, 0x10FFFF]
            return Unicode.Scalar(UInt32.random(in: 0..<(limits.randomElement(using: &random) ?? 1), using: &random))
                ?? "x"
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
