/// An IPMI 2.0 session over RMCP+ with cipher suite 3 (IPMI 2.0 specification, sections 13.17 to 13.29): RAKP with
/// HMAC-SHA1, integrity HMAC-SHA1-96, confidentiality AES-CBC-128. It makes and judges packets and does no I/O.
package struct LANSession: Sendable {
    package struct Account: Sendable {
        package var user: [UInt8]
        package var password: [UInt8]
        /// 2 user, 3 operator, 4 administrator. DCMI asks for no more than 2 to read power; some BMCs ask for more.
        package var privilege: UInt8

        /// - Returns: nil when the name is longer than 16 bytes or the password than 20, which IPMI cannot carry.
        package init?(user: String, password: [UInt8], privilege: UInt8 = 2) {
            guard user.utf8.count <= 16, password.count <= 20, (1...4).contains(privilege) else { return nil }
            self.user = Array(user.utf8)
            self.password = password
            self.privilege = privilege
        }
    }

    /// Why an answer is not taken.
    package enum Refusal: Error, Sendable, Hashable {
        /// Not an answer to what was asked: to be waited over.
        case foreign
        case malformed
        /// The BMC refused with this status (table 13-15).
        case status(UInt8)
        /// The BMC does not know the password, or the packet was changed on its way.
        case unauthentic
    }

    private let account: Account
    /// Our id, under which the BMC answers.
    private let consoleID: [UInt8]
    private let consoleRandom: [UInt8]
    private var bmcID: [UInt8] = []
    private var bmcRandom: [UInt8] = []
    private var bmcGUID: [UInt8] = []
    private var sessionKey: [UInt8] = []
    private var integrityKey: [UInt8] = []
    private var cipher: AES128?
    private var sequence: UInt32 = 0
    private var lastReceived: UInt32 = 0
    private var requestSequence: UInt8 = 0

    /// - Parameter random: 20 unpredictable bytes: session id and challenge.
    package init(account: Account, random: [UInt8]) {
        precondition(random.count == 20)
        self.account = account
        // Zero means "no session".
        consoleID = [random[0] | 1] + random[1..<4]
        consoleRandom = Array(random[4..<20])
    }

    /// Looking up the user by name alone, as the privilege is only a wish.
    private var role: UInt8 { account.privilege | 0x10 }
    private var nameField: [UInt8] { [role, UInt8(account.user.count)] + account.user }

    private static func plain(_ type: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [0x06, 0x00, 0xFF, 0x07, 0x06, type] + [UInt8](repeating: 0, count: 8)
            + [UInt8(payload.count & 0xFF), UInt8(payload.count >> 8)] + payload
    }

    private static func payload(_ packet: [UInt8], type: UInt8) throws(Refusal) -> [UInt8] {
        guard packet.count >= 16, packet[0] == 0x06, packet[3] == 0x07, packet[4] == 0x06 else { throw .malformed }
        guard packet[5] & 0x3F == type else { throw .foreign }
        let length = Int(packet[14]) | Int(packet[15]) << 8
        guard packet.count >= 16 + length else { throw .malformed }
        return Array(packet[16..<16 + length])
    }

    // MARK: Opening

    package func openRequest() -> [UInt8] {
        func algorithm(_ kind: UInt8) -> [UInt8] { [kind, 0, 0, 8, 1, 0, 0, 0] }
        return Self.plain(
            0x10, [0, account.privilege, 0, 0] + consoleID + algorithm(0) + algorithm(1) + algorithm(2))
    }

    package mutating func takeOpenResponse(_ packet: [UInt8]) throws(Refusal) {
        let answer = try Self.payload(packet, type: 0x11)
        guard answer.count >= 2 else { throw .malformed }
        guard answer[1] == 0 else { throw .status(answer[1]) }
        guard answer.count >= 36, Array(answer[4..<8]) == consoleID else { throw .malformed }
        // A BMC that chose weaker algorithms than were asked for is not spoken to.
        guard answer[16] & 0x3F == 1, answer[24] & 0x3F == 1, answer[32] & 0x3F == 1 else { throw .unauthentic }
        bmcID = Array(answer[8..<12])
    }

    package func challenge() -> [UInt8] {
        Self.plain(
            0x12, [1, 0, 0, 0] + bmcID + consoleRandom + [role, 0, 0, UInt8(account.user.count)] + account.user)
    }

    package mutating func takeChallengeResponse(_ packet: [UInt8]) throws(Refusal) {
        let answer = try Self.payload(packet, type: 0x13)
        guard answer.count >= 2 else { throw .malformed }
        guard answer[1] == 0 else { throw .status(answer[1]) }
        guard answer.count >= 60, Array(answer[4..<8]) == consoleID else { throw .malformed }
        bmcRandom = Array(answer[8..<24])
        bmcGUID = Array(answer[24..<40])
        let proof = SHA1.authenticate(
            consoleID + bmcID + consoleRandom + bmcRandom + bmcGUID + nameField, key: account.password)
        guard Self.areEqual(proof, Array(answer[40..<60])) else { throw .unauthentic }
        sessionKey = SHA1.authenticate(consoleRandom + bmcRandom + nameField, key: account.password)
        integrityKey = SHA1.authenticate([UInt8](repeating: 1, count: 20), key: sessionKey)
        let secret = SHA1.authenticate([UInt8](repeating: 2, count: 20), key: sessionKey)
        cipher = AES128(key: Array(secret[..<16]))
    }

    package func proof() -> [UInt8] {
        Self.plain(
            0x14,
            [2, 0, 0, 0] + bmcID + SHA1.authenticate(bmcRandom + consoleID + nameField, key: account.password))
    }

    package func takeProofResponse(_ packet: [UInt8]) throws(Refusal) {
        let answer = try Self.payload(packet, type: 0x15)
        guard answer.count >= 2 else { throw .malformed }
        guard answer[1] == 0 else { throw .status(answer[1]) }
        guard answer.count >= 20 else { throw .malformed }
        let expected = SHA1.authenticate(consoleRandom + bmcID + bmcGUID, key: sessionKey)
        guard Self.areEqual(Array(expected[..<12]), Array(answer[8..<20])) else { throw .unauthentic }
    }

    /// Compares without telling by its time where the difference is.
    private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    // MARK: Commands

    /// One encrypted and authenticated command.
    ///
    /// - Parameter vector: 16 unpredictable bytes.
    package mutating func request(function: UInt8, command: UInt8, data: [UInt8], vector: [UInt8]) -> [UInt8] {
        precondition(vector.count == 16)
        guard let cipher else { return [] }
        sequence &+= 1
        requestSequence = (requestSequence + 1) & 0x3F
        let head: [UInt8] = [0x20, function << 2]
        let body = [0x81, requestSequence << 2, command] + data
        var message = head + [Self.checksum(head)] + body + [Self.checksum(body)]
        let padding = (16 - (message.count + 1) % 16) % 16
        message += (0..<padding).map { UInt8($0 + 1) } + [UInt8(padding)]
        let payload = vector + cipher.encrypt(message, vector: vector)
        var session: [UInt8] = [0x06, 0xC0] + bmcID
        session += (0..<4).map { UInt8(truncatingIfNeeded: sequence >> (8 * UInt32($0))) }
        session += [UInt8(payload.count & 0xFF), UInt8(payload.count >> 8)] + payload
        let fill = (4 - (session.count + 2) % 4) % 4
        session += [UInt8](repeating: 0xFF, count: fill) + [UInt8(fill), 0x07]
        return [0x06, 0x00, 0xFF, 0x07] + session + SHA1.authenticate(session, key: integrityKey)[..<12]
    }

    /// The answer to the last request, from its completion code on.
    package mutating func takeResponse(_ packet: [UInt8], function: UInt8, command: UInt8) throws(Refusal) -> [UInt8] {
        let payload = try Self.payload(packet, type: 0x00)
        guard packet[5] == 0xC0, Array(packet[6..<10]) == consoleID else { throw .foreign }
        guard packet.count >= 16 + payload.count + 14 else { throw .malformed }
        let session = Array(packet[4..<packet.count - 12])
        let expected = SHA1.authenticate(session, key: integrityKey)
        guard Self.areEqual(Array(expected[..<12]), Array(packet.suffix(12))) else { throw .unauthentic }
        let number = packet[10..<14].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        // A packet that was seen before is a replay.
        guard number > lastReceived else { throw .foreign }
        lastReceived = number
        let message = try decrypted(payload)
        guard message.count >= 8, Self.checksum(Array(message[..<2])) == message[2],
            Self.checksum(Array(message[3..<message.count - 1])) == message[message.count - 1]
        else { throw .malformed }
        guard message[1] >> 2 == function | 1, message[4] >> 2 == requestSequence, message[5] == command else {
            throw .foreign
        }
        return Array(message[6..<message.count - 1])
    }

    private func decrypted(_ payload: [UInt8]) throws(Refusal) -> [UInt8] {
        guard let cipher, payload.count >= 32, payload.count % 16 == 0 else { throw .malformed }
        let message = cipher.decrypt(Array(payload[16...]), vector: Array(payload[..<16]))
        guard let padding = message.last, Int(padding) + 1 < message.count else { throw .malformed }
        return Array(message[..<(message.count - 1 - Int(padding))])
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt8 { 0 &- bytes.reduce(0, &+) }

    /// Command "Close Session", so that the BMC's few session slots do not fill up.
    package mutating func close(vector: [UInt8]) -> [UInt8] {
        request(function: 0x06, command: 0x3C, data: bmcID, vector: vector)
    }
}
