/// Who bears an energy; the numbers stand in the database.
package enum AccountCode: Int16, Sendable, CaseIterable {
    case job = 0
    case idleReserved = 1
    case idle = 2
    case unattributed = 3
    case gap = 4
    case tenant = 5
    case superseded = 6
}

/// Energy by component, in µJ; an integrated sensor may give less than nothing.
package struct ComponentEnergy: Sendable, Equatable {
    package var accelerator: Int64
    package var cpu: Int64
    package var dram: Int64
    package var rest: Int64
    package var network: Int64

    package init(accelerator: Int64 = 0, cpu: Int64 = 0, dram: Int64 = 0, rest: Int64 = 0, network: Int64 = 0) {
        self.accelerator = accelerator
        self.cpu = cpu
        self.dram = dram
        self.rest = rest
        self.network = network
    }
}

/// How an energy was come by: the last part of every fold's key. The numbers are the caller's.
package struct EnergyQuality: Sendable, Hashable {
    package var provenance: Int16
    package var boundary: Int16
    package var rule: Int16

    package init(provenance: Int16, boundary: Int16, rule: Int16) {
        self.provenance = provenance
        self.boundary = boundary
        self.rule = rule
    }
}

/// Energy that one entry puts on one account within one minute.
package struct Posting: Sendable, Equatable {
    package var node: Int32
    /// 0 where the account is not a job's.
    package var job: Int64
    package var account: AccountCode
    /// Hours of UTC since 1970.
    package var hour: Int32
    /// Minutes of UTC since 1970.
    package var minute: Int32
    package var site: Int16
    package var quality: EnergyQuality
    package var energy: ComponentEnergy

    package init(
        node: Int32, job: Int64, account: AccountCode, hour: Int32, minute: Int32, site: Int16,
        quality: EnergyQuality, energy: ComponentEnergy
    ) {
        self.node = node
        self.job = job
        self.account = account
        self.hour = hour
        self.minute = minute
        self.site = site
        self.quality = quality
        self.energy = energy
    }
}

/// Node-time of a job within one hour, in ms.
package struct Coverage: Sendable, Equatable {
    package var node: Int32
    package var job: Int64
    package var hour: Int32
    package var measuredMilliseconds: Int64
    package var bridgedMilliseconds: Int64
    package var missingMilliseconds: Int64

    package init(
        node: Int32, job: Int64, hour: Int32, measuredMilliseconds: Int64 = 0, bridgedMilliseconds: Int64 = 0,
        missingMilliseconds: Int64 = 0
    ) {
        self.node = node
        self.job = job
        self.hour = hour
        self.measuredMilliseconds = measuredMilliseconds
        self.bridgedMilliseconds = bridgedMilliseconds
        self.missingMilliseconds = missingMilliseconds
    }
}

/// A hole in what is known of a node.
package struct Gap: Sendable, Equatable {
    package var node: Int32
    /// 0 where no job is concerned.
    package var job: Int64
    /// UTC since 1970.
    package var fromMicroseconds: Int64
    package var toMicroseconds: Int64
    /// The caller's number for the reason.
    package var kind: Int16

    package init(node: Int32, job: Int64, fromMicroseconds: Int64, toMicroseconds: Int64, kind: Int16) {
        self.node = node
        self.job = job
        self.fromMicroseconds = fromMicroseconds
        self.toMicroseconds = toMicroseconds
        self.kind = kind
    }
}
