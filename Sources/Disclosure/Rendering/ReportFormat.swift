package import JSONText

/// The forms in which a disclosure is handed out. JSON is what is issued and recomputed; the others are rendered from
/// it, without clock or randomness.
package enum ReportFormat: String, Sendable, Hashable, CaseIterable {
    case json, html, csv, pdf, cyclonedx, spdx, boamps

    package var contentType: String {
        switch self {
        case .json: "application/json"
        case .html: "text/html; charset=utf-8"
        case .csv: "text/csv; charset=utf-8"
        case .pdf: "application/pdf"
        case .cyclonedx: "application/vnd.cyclonedx+json; version=1.6"
        case .spdx: "application/spdx+json"
        case .boamps: "application/json"
        }
    }

    /// - Parameters:
    ///   - disclosure: the body, not the wrapper in which it was issued.
    ///   - issued: that wrapper, whose number stands on pages; nil for a report that was not issued.
    /// - Returns: nil for a form that carries energy alone, from a disclosure that has none for its audience.
    package func render(_ disclosure: JSONValue, issued: JSONValue? = nil) -> [UInt8]? {
        switch self {
        case .json: disclosure.rendered(.pretty)
        case .html: DisclosureHTML.render(disclosure, issued: issued)
        case .csv: DisclosureCSV.render(disclosure)
        case .pdf: DisclosurePDF.render(disclosure, issued: issued)
        case .cyclonedx: ModelEnergy(disclosure).map { CycloneDXText.render($0) }
        case .spdx: ModelEnergy(disclosure).map { SPDXText.render($0) }
        case .boamps: ModelEnergy(disclosure).map { BoAmpsText.render($0) }
        }
    }
}
