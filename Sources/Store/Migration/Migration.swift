/// One file of `sql/`, carried inside the program: no source tree is needed at run time.
package struct Migration: Sendable {
    /// The file's name; its first four digits are the order.
    package let name: String
    let text: [UInt8]

    /// Every migration in order. A file that has landed is never edited; a change is a new file.
    package static let all: [Migration] = [
        Migration(name: "0001_roles.sql", text: PackageResources._001_roles_sql),
        Migration(name: "0002_log.sql", text: PackageResources._002_log_sql),
        Migration(name: "0003_folds.sql", text: PackageResources._003_folds_sql),
        Migration(name: "0004_registry.sql", text: PackageResources._004_registry_sql),
        Migration(name: "0005_order.sql", text: PackageResources._005_order_sql),
    ]
}
