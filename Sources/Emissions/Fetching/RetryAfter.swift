import Energy

/// RFC 9110 section 10.2.3: seconds, or an IMF-fixdate such as `Fri, 01 Mar 2024 05:00:00 GMT`.
enum RetryAfter {
    /// - Returns: nil when it is neither; never below zero.
    static func seconds(_ text: String, now: UTCTime) -> Int64? {
        let text = text.drop { $0 == " " }
        if text.utf8.allSatisfy({ decimalDigit($0) != nil }) { return Int64(text) }
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2])),
            let time = UTCTime(civil: "\(words[3])-\(month < 9 ? "0" : "")\(month + 1)-\(words[1])T\(words[4])Z")
        else { return nil }
        let (difference, overflow) = time.microseconds.subtractingReportingOverflow(now.microseconds)
        return overflow ? nil : max(0, difference / 1_000_000)
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
