import SeededRandom
import Testing
import TransparencyLog

@Suite struct Base64Tests {
    /// RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func publishedCases(plain: String, text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
    }

    @Test func everyLengthRoundTrips() {
        var random = SeededRandom(seed: 64)
        for count in 0...200 {
            let bytes = random.bytes(count)
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.encode(([0] + bytes)[1...]) == Base64.encode(bytes))
        }
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zm8", "Zm9v=", "Zm9v====", "Zg==Zg==", "=", "====", "Z===", "Zg=a", "Zm 9", "Zm9v\n", "Zm-_",
        "Zm9é",
    ])
    func secondSpellingsAreRefused(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    /// Of all ways to write the last character, one is right.
    @Test func strayBitsAreRefused() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        #expect(alphabet.count { Base64.decode("A\($0)==") != nil } == 4)
        #expect(alphabet.count { Base64.decode("AA\($0)=") != nil } == 16)
    }

    @Test(arguments: ["", "0", "00", "01", "+5", "-0", "-1", " 1", "1 ", "1_0", "0x1", "18446744073709551616", "٣"])
    func numbersHaveOneSpelling(text: String) {
        #expect(CanonicalDecimal.parse(text) == (text == "0" ? 0 : nil))
    }

    @Test func numbersReachTheirLimit() {
        #expect(CanonicalDecimal.parse("18446744073709551615") == .max)
        #expect(CanonicalDecimal.parse("10") == 10)
        #expect(CanonicalDecimal.parse("99999999999999999999") == nil)
    }

    @Test func hexadecimalIsLowerCase() {
        #expect(Hexadecimal.encode([0, 0xAB, 0xFF]) == "00abff")
        #expect(Hexadecimal.decode("00abff") == [0, 0xAB, 0xFF])
        for text in ["0", "0A", "0g", " 0", "0x00"] { #expect(Hexadecimal.decode(text) == nil) }
    }
}
