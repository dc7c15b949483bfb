/// Why evidence does not hold: what, where, and what was expected there.
///
/// The first one ends a verification, because whatever follows it rests on what was refused.
package struct ReplayFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of proof is broken.
    package enum Class: String, Sendable, Hashable, CaseIterable {
        /// A file is missing, unlisted, unreadable or not what the manifest says.
        case file
        case manifest
        case policy
        case checkpoint
        /// Entries were added, left out, changed or reordered after the checkpoint was signed.
        case range
        case syntax
        case signature
        /// Signed by a key that may not speak at this place.
        case signer
        case foreignLog = "foreign_log"
        case chain
        case anchor
        case samples
        case conservation
        case conflict
        /// A close states other sums or ends than the entries in front of it.
        case close
        case record
        case factor
        case report

        /// The step of the verification that looks for it, as the auditor's page numbers them.
        package var step: Int {
            switch self {
            case .file, .manifest, .policy: 1
            case .checkpoint: 2
            case .range: 3
            case .syntax, .signature, .signer, .foreignLog: 4
            case .chain, .conflict, .close: 5
            case .anchor: 6
            case .samples: 8
            case .conservation: 9
            case .record, .factor, .report: 10
            }
        }
    }

    package var failureClass: Class
    /// The file or the entry at fault.
    package var place: String
    package var what: String
    package var expected: String?
    package var found: String?

    package init(_ failureClass: Class, at place: String, _ what: String, expected: String? = nil, found: String? = nil)
    {
        self.failureClass = failureClass
        self.place = place
        self.what = what
        self.expected = expected
        self.found = found
    }

    package init(_ failureClass: Class, at index: UInt64, _ what: String, expected: String? = nil, found: String? = nil)
    {
        self.init(failureClass, at: "entry \(index)", what, expected: expected, found: found)
    }

    package var description: String {
        var text = "\(place): \(what)"
        if let expected { text += "; expected \(expected)" }
        if let found { text += expected == nil ? "; found \(found)" : ", found \(found)" }
        return text
    }
}
