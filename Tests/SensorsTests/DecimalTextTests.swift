import JSONText
import SeededRandom
import Testing

@testable import Sensors

@Suite struct DecimalTextTests {
    @Test(
        arguments: [
            ("0", 6, 0), ("-0", 6, 0), ("+1", 0, 1), ("16100", 6, 16_100_000_000), ("69.12", 6, 69_120_000),
            ("1e3", 0, 1000), ("1.5E-3", 6, 1500), (".5", 1, 5), ("5.", 1, 50), ("-12.3456789", 6, -12_345_679),
            ("0.5", 0, 0), ("1.5", 0, 2), ("2.5", 0, 2), ("2.50000000000000000000000000000000000000001", 0, 3),
            ("9223372036854775807", 0, Int64.max), ("-9223372036854775808", 0, Int64.min), ("1e-900", 6, 0),
            ("0e999", 6, 0), ("00012", 0, 12), ("100000000000000000000000000000000000000000e-41", 0, 1),
        ] as [(String, Int, Int64)])
    func exact(text: String, scale: Int, expected: Int64) {
        #expect(DecimalText.scaled(Array(text.utf8), by: scale) == expected)
    }

    @Test(arguments: [
        "", "-", ".", "e5", "1e", "1e+", "1 2", "0x10", "nan", "1,5", "9223372036854775808", "1e30", "--1",
    ])
    func refused(text: String) {
        #expect(DecimalText.scaled(Array(text.utf8), by: 0) == nil)
    }

    @Test func unsignedTakesWhatTheKernelWritesAndNothingElse() {
        #expect(DecimalText.unsigned(Array("18446744073709551615".utf8)) == .max)
        for text in ["18446744073709551616", "", "-1", "+1", " 1", "1.0"] {
            #expect(DecimalText.unsigned(Array(text.utf8)) == nil)
        }
    }

    /// A number written with random digits and a random exponent, against long addition.
    @Test func agreesWithPlainIntegersOnRandomNumbers() {
        for seed in UInt64(0)..<2000 {
            var random = SeededRandom(seed: seed)
            let value = Int64.random(in: -1_000_000_000_000...1_000_000_000_000, using: &random)
            let places = Int.random(in: 0...6, using: &random)
            var digits = String(value.magnitude)
            while digits.count <= places { digits = "0" + digits }
            let split = digits.index(digits.endIndex, offsetBy: -places)
            let text = (value < 0 ? "-" : "") + digits[..<split] + "." + digits[split...]
            var expected = value
            for _ in places..<6 { expected *= 10 }
            #expect(DecimalText.scaled(Array(text.utf8), by: 6) == expected, "seed \(seed): \(text)")
        }
    }
}

@Suite struct JSONReadingTests {
    @Test func readingsStandWhereTheDevicePutThem() throws {
        let value = try #require(
            JSONValue.answer(Array(#" {"a": [1, -2.5e3, "x"], "b": {"c": " 12.5 "}, "d": [[7]]} "#.utf8)))
        #expect(value.member(at: "a[1]")?.scaled(by: 0) == -2500)
        #expect(value.member(at: "a[2]")?.scaled(by: 0) == nil)
        #expect(value["b"]?["c"]?.scaled(by: 6) == 12_500_000)
        #expect(value.member(at: "d[0][0]")?.scaled(by: 0) == 7)
        for path in ["a[9]", "b.c.d", "a.x", "z", "a[-1]"] { #expect(value.member(at: path) == nil) }
    }

    @Test(arguments: ["", "{", #"{"a":1,"a":2}"#, String(repeating: "[", count: 100_000)])
    func answersThatAreNone(text: String) { #expect(JSONValue.answer(Array(text.utf8)) == nil) }
}
