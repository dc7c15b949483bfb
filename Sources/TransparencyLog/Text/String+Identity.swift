extension String {
    /// Whether both have the same bytes. `==` also holds for different spellings of one character, which name different
    /// keys and different logs.
    package func isIdentical(to other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        // Strings of this platform are contiguous UTF-8; the other branch is for those that are not.
        let isSame = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in left.elementsEqual(right) }
        }
        return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}
