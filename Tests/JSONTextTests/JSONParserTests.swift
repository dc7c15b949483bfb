import Testing

@testable import JSONText

@Suite struct JSONParserTests {
    @Test func everyKindOfValue() throws {
        let value = try JSONValue(parsing: #" { "a" : [ null , true,false, -1.50e+3, "x" ] , "b":{} } "#)
        #expect(value["a"]?.array?.count == 5)
        #expect(value["a"]?.array?[3].number?.text == "-1.50e+3")
        #expect(value["b"]?.object?.isEmpty == true)
        #expect(value["c"] == nil)
    }

    @Test(arguments: [
        ("\"\\u00e9\"", "é"), ("\"\\ud83d\\ude00\"", "😀"), ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\u{8}\u{c}\n\r\t"),
        ("\"\\u0000\"", "\0"), ("\"é😀\u{7f}\"", "é😀\u{7f}"), ("\"\"", ""), ("\"\u{2028}\"", "\u{2028}"),
    ])
    func strings(text: String, expected: String) throws {
        #expect(try JSONValue(parsing: text).string.map { Array($0.utf8) } == Array(expected.utf8))
    }

    @Test(arguments: ["0", "-0", "10", "0.5", "1e5", "1E-05", "123456789012345678901234567890", "-0.0e+0"])
    func numbersKeepTheirText(text: String) throws {
        #expect(try JSONValue(parsing: text).number?.text == text)
        #expect(JSONNumber(text: text)?.text == text)
    }

    @Test(arguments: [
        "+1", "01", "-01", ".5", "1.", "1.e3", "1e", "1e+", "-", "0x1", "NaN", "Infinity", "1 2", "1.2.3", "",
    ])
    func malformedNumbers(text: String) {
        #expect(JSONNumber(text: text) == nil)
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test(arguments: [
        ("", JSONError.Reason.endOfText, 0), ("  ", .endOfText, 2), ("[", .endOfText, 1), ("[1", .endOfText, 2),
        ("[1,", .endOfText, 3), ("[1,]", .unexpectedByte, 3), ("[,1]", .unexpectedByte, 1), ("{,}", .unexpectedByte, 1),
        ("{\"a\":1,}", .unexpectedByte, 7), ("{\"a\" 1}", .unexpectedByte, 5), ("{a:1}", .unexpectedByte, 1),
        ("{\"a\":1,\"a\":2}", .repeatedName, 7), ("{\"a\":1,\"\\u0061\":2}", .repeatedName, 7),
        ("{\"\u{e9}\":1,\"e\u{301}\":2}", .repeatedName, 8), ("tru", .endOfText, 0), ("trux", .unexpectedByte, 0),
        ("nul]", .unexpectedByte, 0), ("null null", .trailingBytes, 5), ("\"", .endOfText, 1), ("\"a\\", .endOfText, 2),
        ("\"\\x\"", .malformedEscape, 1), ("\"\\u12g4\"", .malformedEscape, 1), ("\"\\u12", .endOfText, 3),
        ("\"\\ud800\"", .endOfText, 7), ("\"\\ud800ab\"", .loneSurrogate, 1), ("\"\\ude00\"", .loneSurrogate, 1),
        ("\"\\ud800\\u0041\"", .loneSurrogate, 1), ("\"a\nb\"", .controlCharacter, 2),
        ("\"\\n\n\"", .controlCharacter, 3),
        ("\u{feff}1", .unexpectedByte, 0), ("'a'", .unexpectedByte, 0), ("// x\n1", .unexpectedByte, 0),
        ("[1}", .unexpectedByte, 2), ("1 ]", .trailingBytes, 2),
    ])
    func refusals(text: String, reason: JSONError.Reason, offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.reason == reason)
        #expect(error?.byteOffset == offset)
    }

    @Test func theErrorSaysLineAndColumn() {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "{\n  \"a\": 1,\n  \"b\": x\n}") }
        #expect(error?.line == 3)
        #expect(error?.column == 8)
        #expect(error?.description.hasPrefix("line 3, column 8: ") == true)
    }

    @Test(arguments: [[0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0x80]])
    func bytesThatAreNotUTF8(bytes: [UInt8]) {
        for text in [[0x22] + bytes + [0x22], [0x22, 0x5C, 0x6E] + bytes + [0x22]] {
            let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
            #expect(error?.reason == .malformedUTF8)
        }
    }

    @Test func depthIsBoundedBeforeItDescends() throws {
        let bracket = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        _ = try JSONValue(parsing: bracket(64))
        for text in [
            bracket(65), String(repeating: "[", count: 1_000_000), String(repeating: "{\"a\":", count: 100_000),
        ] {
            let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
            #expect(error?.reason == .tooDeep)
        }
    }

    @Test func sizeIsBounded() {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "[1,2]", limits: .init(bytes: 4)) }
        #expect(error?.reason == .tooLarge)
    }

    @Test func integersAreExactOrNil() throws {
        #expect(try JSONValue(parsing: "9223372036854775807").int64 == .max)
        #expect(try JSONValue(parsing: "9223372036854775808").int64 == nil)
        #expect(try JSONValue(parsing: "1.0").int64 == nil)
        #expect(JSONValue.string("-42").decimalString == -42)
        for text in ["", "+1", "007", "-0", "1.0", " 1", "1e3"] { #expect(JSONValue.string(text).decimalString == nil) }
    }

    @Test func manyMembers() throws {
        var object = JSONObject()
        let isNew = (0..<1000).map { object.append("m\($0)", .integer($0)) }
        #expect(isNew.allSatisfy { $0 })
        let isNewAgain = object.append("m999", .null)
        #expect(!isNewAgain)
        object.set("m3", .null)
        let value = JSONValue.object(object)
        #expect(try JSONValue(parsing: value.rendered()) == value)
        #expect(value["m998"]?.int64 == 998)
        #expect(value["m3"] == .null)
    }
}
