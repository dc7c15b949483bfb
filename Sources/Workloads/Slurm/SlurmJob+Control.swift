/// The answer of `scontrol --details --oneliner show job` (scontrol(1)) with `SLURM_TIME_FORMAT=%s`.
///
/// A job's name and comment are the user's: text in them that looks like another field must not become one. Each field
/// that matters stands once in an honest answer; one that stands twice is not believed.
extension SlurmJob {
    /// - Parameters:
    ///   - answer: one line a component of a heterogeneous job, else one line.
    ///   - wanted: the job of this node.
    ///   - node: this node's name in Slurm.
    package init?(control answer: String, job wanted: Int64, node: String) {
        let lines = answer.split(separator: "\n").map(String.init).filter { $0.hasPrefix("JobId=") }
        guard let line = lines.first(where: { ControlLine($0).integer("JobId") == wanted }) else { return nil }
        let own = ControlLine(line)
        self.init(id: wanted)
        submitSeconds = own.integer("SubmitTime")
        startSeconds = own.integer("StartTime")
        restarts = own.integer("Restarts") ?? 0
        account = own.word("Account")
        user = own.word("UserId").map { String($0.prefix { $0 != "(" }) }
        partition = own.word("Partition")
        isExclusive = own.word("OverSubscribe") == "NO"
        name = own.text(from: " JobName=", to: [" UserId="])
        comment = own.text(from: " Comment=", to: [" StdErr=", " Power=", " AdminComment=", " SystemComment="])
        arrayJob = own.integer("ArrayJobId")
        arrayTask = own.integer("ArrayTaskId")
        heterogeneousJob = own.integer("HetJobId")
        heterogeneousOffset = own.integer("HetJobOffset")
        let components = lines.map { ControlLine($0) }
            .filter { heterogeneousJob != nil ? $0.integer("HetJobId") == heterogeneousJob : $0.text == line }
        let lists = components.compactMap { $0.word("NodeList") }
        nodeList = lists.isEmpty ? nil : lists.joined(separator: ",")
        nodeCount = components.compactMap { $0.integer("NumNodes") }.reduce(0, +)
        if let first = own.word("NodeList").flatMap({ Hostlist.expand($0) })?.firstIndex(of: node),
            components.count == 1
        {
            nodeRank = Int64(first)
        }
        takeShare(of: node, own)
    }

    /// What the job has on one node: ` Nodes=n[1-2] CPU_IDs=0-3 Mem=0 GRES=gpu:h100:2(IDX:0-1)`, one group for nodes
    /// that are alike.
    private mutating func takeShare(of node: String, _ line: ControlLine) {
        guard let groups = line.text(from: " JOB_GRES=", to: [" MinCPUsNode="]) else { return }
        for group in groups.split(separator: " Nodes=").dropFirst(groups.hasPrefix(" Nodes=") ? 0 : 1) {
            let words = group.split(separator: " ")
            guard let names = words.first.flatMap({ Hostlist.expand(String($0)) }), names.contains(node) else {
                continue
            }
            for word in words.dropFirst() {
                if word.hasPrefix("CPU_IDs=") {
                    processors = (processors ?? 0) + Int64(DecimalNumber.list(word.dropFirst(8))?.count ?? 0)
                }
                if word.hasPrefix("GRES=") {
                    let resources = String(word.dropFirst(5))
                    devices += Self.numbers(ofResources: resources)
                    holdsInstances = holdsInstances || resources.split(separator: ",").contains(where: Self.isInstance)
                }
            }
        }
    }

    /// `gpu:1g.5gb:1(IDX:3)`, `gpu:a100_3g.20gb:1(IDX:0)`: Slurm's type is the profile of the instance (gres.conf(5),
    /// "MultipleFiles"), and the number counts instances.
    private static func isInstance(_ resource: Substring) -> Bool {
        let parts = resource.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0] == "gpu" else { return false }
        let profile = parts[1].split(separator: "_").last ?? ""
        return profile.contains("g.") && profile.contains("gb") && profile.first?.isNumber == true
    }

    /// `gpu:h100:2(IDX:0-1),gpu:a100:1(IDX:4)`: the numbers of the GPUs; other resources, and parts of GPUs, are none.
    static func numbers(ofResources text: String) -> [Int] {
        var numbers: [Int] = []
        for resource in text.split(separator: ")") {
            let trimmed = resource.drop { $0 == "," }
            guard trimmed.hasPrefix("gpu"), !isInstance(trimmed), let mark = trimmed.range(ofText: "(IDX:") else {
                continue
            }
            numbers += DecimalNumber.list(trimmed[mark...], limit: 256) ?? []
        }
        return numbers
    }
}

extension Substring {
    /// Where the text behind `part` begins.
    fileprivate func range(ofText part: String) -> Index? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) { return index(start, offsetBy: part.count) }
            start = index(after: start)
        }
        return nil
    }
}

/// One line of fields ` Key=Value`.
private struct ControlLine {
    let text: String
    private let bytes: [UInt8]

    init(_ text: String) {
        self.text = text
        bytes = Array((" " + text).utf8)
    }

    private func places(of mark: String) -> [Int] {
        let mark = Array(mark.utf8)
        guard bytes.count >= mark.count else { return [] }
        return (0...(bytes.count - mark.count)).filter { bytes[$0] == mark[0] && bytes[$0...].starts(with: mark) }
    }

    func word(_ key: String) -> String? {
        let mark = " \(key)="
        let places = places(of: mark)
        guard places.count == 1 else { return nil }
        let value = bytes[(places[0] + mark.utf8.count)...].prefix { $0 != UInt8(ascii: " ") }
        let word = String(decoding: value, as: UTF8.self)
        return word.isEmpty || ["(null)", "N/A", "Unknown", "None"].contains(word) ? nil : word
    }

    func integer(_ key: String) -> Int64? { word(key).flatMap { DecimalNumber.parse($0) } }

    /// Free text between a mark that stands once and the next of several ends.
    func text(from mark: String, to ends: [String]) -> String? {
        let starts = places(of: mark)
        guard starts.count == 1 else { return nil }
        let begin = starts[0] + mark.utf8.count
        let end = ends.flatMap { places(of: $0) }.filter { $0 >= begin }.min() ?? bytes.count
        let value = String(decoding: bytes[begin..<end], as: UTF8.self)
        return value == "(null)" ? nil : value
    }
}
