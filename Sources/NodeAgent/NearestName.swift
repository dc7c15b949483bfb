/// Finds what somebody probably meant.
package enum NearestName {
    /// The known name with the fewest single-character edits, the first of equals; nil when there are none.
    package static func of(_ name: String, among known: [String]) -> String? {
        known.min { distance(name, $0) < distance(name, $1) }
    }

    /// Levenshtein's distance over UTF-8 bytes.
    static func distance(_ left: String, _ right: String) -> Int {
        let target = Array(right.utf8)
        var row = Array(0...target.count)
        for (index, byte) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in target.indices {
                let change = diagonal + (byte == target[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(change, row[column] + 1, diagonal + 1)
            }
        }
        return row[target.count]
    }
}
