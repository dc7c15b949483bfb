/// Throws bytes at what parses bytes from outside; libFuzzer has the loop. The first byte chooses the parser. A parser
/// may refuse; it may not crash, and what it accepts must render to the very bytes it was given: a second spelling of
/// one entry would be a second leaf for one fact.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let parser = Parser.all[Int(bytes[0]) % Parser.all.count]
    let input = Array(bytes.dropFirst())
    if let rendered = parser.roundTrip(input) {
        precondition(rendered == input, "\(parser.name): the accepted bytes are rendered otherwise")
    }
    return 0
}
