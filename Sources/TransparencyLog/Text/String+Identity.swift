extension String {
    /// Whether both have the same bytes. `==` also holds for different spellings of one character, which name different
    /// keys and different logs.
    package func isIdentical(to other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
