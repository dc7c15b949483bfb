import Batches
import TransparencyLog

/// Finds out what an earlier run left in a spool, and deletes what it left unfinished.
enum SpoolRecovery {
    struct Found {
        var items: [SpoolItem] = []
        var damaged: [String] = []
    }

    static func run(in path: String) throws(SpoolError) -> Found {
        let names = try DurableFile.names(in: path)
        let stems = Set(names.compactMap { stem(of: $0, suffix: ".note") })
        let aside = Set(try DurableFile.names(in: path + "/refused").compactMap { stem(of: $0, suffix: ".note") })
        for name in names {
            let isPart = name.hasSuffix(DurableFile.temporarySuffix)
            // Where the counters stood behind a batch is known also after the log has refused it.
            let state = stem(of: name, suffix: ".state").flatMap { aside.contains($0) ? nil : $0 }
            let isOrphan = (stem(of: name, suffix: ".samples") ?? state).map { !stems.contains($0) } ?? false
            if isPart || isOrphan { try DurableFile.delete(path + "/" + name) }
        }
        var found = Found()
        var loose: [(item: SpoolItem, age: Int64)] = []
        for stem in stems {
            guard let (item, time) = try item(stem, in: path) else {
                try putAside(stem, in: path)
                found.damaged.append(stem)
                continue
            }
            if item.position == nil {
                loose.append((item, time))
            } else {
                found.items.append(item)
            }
        }
        found.items.sort { order($0) < order($1) }
        loose.sort { ($0.age, $0.item.leaf.hexadecimal) < ($1.age, $1.item.leaf.hexadecimal) }
        found.items = loose.map(\.item) + found.items
        return found
    }

    /// The batches of a chain that were put aside, in order, whole or damaged.
    static func setAside(of incarnation: Int64, in path: String) throws(SpoolError) -> [SpoolItem] {
        var items: [SpoolItem] = []
        for name in try DurableFile.names(in: path + "/refused") {
            guard let stem = stem(of: name, suffix: ".note"), let position = position(stem),
                position.incarnation == incarnation,
                let note = try DurableFile.read("\(path)/refused/\(name)", maximumBytes: 1 << 20)
            else { continue }
            items.append(
                SpoolItem(
                    leaf: .leaf(of: note), position: position, noteByteCount: note.count, samplesByteCount: 0))
        }
        return items.sorted { order($0) < order($1) }
    }

    private static func order(_ item: SpoolItem) -> (Int64, Int64) {
        (item.position?.incarnation ?? -1, item.position?.sequence ?? -1)
    }

    private static func stem(of name: String, suffix: String) -> String? {
        name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : nil
    }

    /// The entry whose files have this stem, nil when the note is no note or the name is not its own.
    ///
    /// - Returns: the entry, and the time that it states.
    private static func item(_ stem: String, in path: String) throws(SpoolError) -> (SpoolItem, Int64)? {
        guard let note = try DurableFile.read(path + "/" + stem + ".note"),
            let signed = try? SignedNote(parsing: note)
        else { return nil }
        let item = SpoolItem(
            leaf: .leaf(of: note), position: position(stem), noteByteCount: note.count,
            samplesByteCount: DurableFile.size(of: path + "/" + stem + ".samples"))
        return item.fileStem == stem ? (item, time(of: signed)) : nil
    }

    /// The third line of every entry that stands outside of chains: when it was made.
    private static func time(of note: SignedNote) -> Int64 {
        let lines = note.text.split(separator: UInt8(ascii: "\n"), maxSplits: 3)
        guard lines.count > 2, lines[2].starts(with: "time ".utf8) else { return 0 }
        return Int64(String(decoding: lines[2].dropFirst(5), as: UTF8.self)) ?? 0
    }

    private static func position(_ stem: String) -> ChainPosition? {
        let parts = stem.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let incarnation = Int64(parts[0]), let sequence = Int64(parts[1]), incarnation >= 0,
            sequence >= 0
        else { return nil }
        return ChainPosition(incarnation: incarnation, sequence: sequence)
    }

    private static func putAside(_ stem: String, in path: String) throws(SpoolError) {
        try DurableFile.replace(
            "\(path)/refused/\(stem).reason", with: Array("damaged on disk: not a signed note\n".utf8))
        for suffix in [".samples", ".note"] {
            try DurableFile.move("\(path)/\(stem)\(suffix)", to: "\(path)/refused/\(stem)\(suffix)")
        }
    }
}
