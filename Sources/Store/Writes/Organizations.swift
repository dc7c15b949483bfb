/// An organization and its log.
package struct Organization: Sendable, Equatable {
    /// The log's number, which is the tenant's key everywhere in the database.
    package let log: Int32
    /// `[a-z0-9-]{1,40}`.
    package let slug: String
    package let name: String
    /// The log's origin line.
    package let origin: String

    package init(log: Int32, slug: String, name: String, origin: String) {
        self.log = log
        self.slug = slug
        self.name = name
        self.origin = origin
    }
}

extension Connection {
    /// Every organization by its log's number. As the intake role, which alone sees them all.
    package func organizations() throws(StoreError) -> [Organization] {
        try query("SELECT log, slug, name, origin FROM organizations ORDER BY log").map { row throws(StoreError) in
            Organization(log: try row.get(0), slug: try row.get(1), name: try row.get(2), origin: try row.get(3))
        }
    }

    /// Adds an organization with an empty log.
    ///
    /// - Returns: the log's number.
    /// - Throws: `.invalidData` when slug or origin is taken or has not its form.
    package func foundOrganization(slug: String, name: String, origin: String) throws(StoreError) -> Int32 {
        try query("SELECT found_organization($1, $2, $3)", [.text(slug), .text(name), .text(origin)]).get(0, 0)
    }
}
