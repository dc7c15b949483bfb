extension JSONValue {
    package enum Form: Sendable, Hashable {
        /// No white space at all.
        case compact
        /// Two spaces a level, one member or element a line, `{}` and `[]` for empty ones, a line feed at the end.
        case pretty
    }

    /// The one rendering of this value in that form: members in their order, numbers as their text, strings in UTF-8
    /// with only those characters escaped that must be (RFC 8259 section 7), in their two-character form where there is
    /// one.
    package func rendered(_ form: Form = .compact) -> [UInt8] {
        var writer = JSONWriter(form)
        writer.write(self)
        return writer.finished()
    }

    package func text(_ form: Form = .compact) -> String { String(decoding: rendered(form), as: UTF8.self) }
}
