import JSONText
package import Logging

/// A log in which every event is one line, whatever a client, a witness or a database put into it.
package struct OneLineLog: LogHandler {
    private var inner: any LogHandler

    package init(_ inner: any LogHandler) { self.inner = inner }

    package func log(event: LogEvent) {
        var event = event
        event.message = "\(PlainText.line(event.message.description))"
        event.metadata = event.metadata?.mapValues(Self.plain)
        if let error = event.error {
            event.metadata = (event.metadata ?? [:]).merging(["error": "\(PlainText.line("\(error)"))"]) { $1 }
            event.error = nil
        }
        inner.log(event: event)
    }

    private static func plain(_ value: Logger.Metadata.Value) -> Logger.Metadata.Value {
        switch value {
        case .array(let values): .array(values.map(plain))
        case .dictionary(let values): .dictionary(values.mapValues(plain))
        case .string, .stringConvertible: .string(PlainText.line(value.description))
        }
    }

    package var logLevel: Logger.Level {
        get { inner.logLevel }
        set { inner.logLevel = newValue }
    }

    package var metadata: Logger.Metadata {
        get { inner.metadata }
        set { inner.metadata = newValue.mapValues(Self.plain) }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { inner[metadataKey: key] }
        set { inner[metadataKey: key] = newValue.map(Self.plain) }
    }
}
