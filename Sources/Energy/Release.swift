/// The release of which every program of this package says that it is one.
package enum Release {
    package static let version = "0.1.0"
}
