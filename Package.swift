// swift-tools-version: 6.2
import PackageDescription

/// deploy/test sets it: a warning of another compiler version must not keep anybody from building.
let isStrict = Context.environment["WATTEST_STRICT"] != nil

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (isStrict ? [.treatAllWarnings(as: .error)] : [])

func product(_ name: String, _ package: String) -> Target.Dependency { .product(name: name, package: package) }

let crypto = product("Crypto", "swift-crypto")
let nioCore = product("NIOCore", "swift-nio")
let nioPosix = product("NIOPosix", "swift-nio")
let nioHTTP1 = product("NIOHTTP1", "swift-nio")
let nioTLS = product("NIOTLS", "swift-nio")
let nioSSL = product("NIOSSL", "swift-nio-ssl")
let logging = product("Logging", "swift-log")
let lifecycle = product("ServiceLifecycle", "swift-service-lifecycle")
let argumentParser = product("ArgumentParser", "swift-argument-parser")
let grpcCore = product("GRPCCore", "grpc-swift-2")
let protobuf = product("SwiftProtobuf", "swift-protobuf")

func module(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], fixtures: Bool = false) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: fixtures ? ["Fixtures"] : [], swiftSettings: settings)
}

/// deploy/fuzz sets it: libFuzzer brings its own loop, and wants every module built with it.
let fuzz: [Target] =
    Context.environment["WATTEST_FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "fuzz", dependencies: ["Batches", "JSONText", "TransparencyLog"], path: "Tests/Fuzz",
            swiftSettings: settings)
    ]

let package = Package(
    name: "wattest",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // No I/O, no clock.
        module("Energy"),
        module("SeededRandom"),
        module("TransparencyLog", [crypto]),
        module("Batches", ["Energy", "TransparencyLog", crypto]),
        module("Accounts", ["Energy"]),
        module("Parallel"),
        module("JSONText", ["Parallel"]),
        module("Emissions", ["Energy", "JSONText"]),
        module(
            "Disclosure",
            ["Accounts", "Batches", "Emissions", "Energy", "JSONText", "Parallel", "TransparencyLog"]),
        // Edges.
        .target(name: "CNVML"),
        module("Sensors", ["Energy", "JSONText", "CNVML"]),
        module("Workloads", ["JSONText"]),
        module("Identity", [crypto, product("SwiftASN1", "swift-asn1"), product("X509", "swift-certificates")]),
        .target(name: "CPKCS11"),
        module("HardwareKeys", ["CPKCS11", "Identity", "TransparencyLog"]),
        module(
            "Wire",
            [
                "Identity", nioCore, nioPosix, nioTLS, nioSSL, product("NIOHTTP2", "swift-nio-http2"),
                product("NIOHPACK", "swift-nio-http2"), grpcCore, product("GRPCProtobuf", "grpc-swift-protobuf"),
                product("GRPCNIOTransportHTTP2Posix", "grpc-swift-nio-transport"), protobuf,
            ]),
        module("MetricsEndpoint", ["Identity", nioCore, nioPosix, nioHTTP1]),
        module("PinnedHTTPS", ["Identity", nioCore, nioPosix, nioHTTP1, nioSSL, nioTLS]),
        module(
            "HTTPEdge",
            [
                "Identity", "JSONText", nioCore, nioPosix, nioSSL,
                product("Hummingbird", "hummingbird"), product("HummingbirdCore", "hummingbird"),
                product("HummingbirdTLS", "hummingbird"), logging, lifecycle, product("HTTPTypes", "swift-http-types"),
            ]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(
            name: "Store", dependencies: ["CPostgres", logging],
            resources: [.embedInCode("Migrations")], swiftSettings: settings),
        // Services.
        module(
            "Aggregation",
            [
                "Energy", "Batches", "Accounts", "TransparencyLog", "Emissions", "Disclosure", "JSONText", "Wire",
                "Identity", "HardwareKeys", "Store", "HTTPEdge", "MetricsEndpoint", crypto, logging, nioCore, nioHTTP1,
                nioSSL,
                product("Hummingbird", "hummingbird"), product("HTTPTypes", "swift-http-types"),
                product("AsyncHTTPClient", "async-http-client"),
            ]),
        module(
            "NodeAgent",
            [
                "Energy", "Batches", "TransparencyLog", "JSONText", "Wire", "Identity", "PinnedHTTPS",
                "MetricsEndpoint", "Sensors", "Workloads", crypto,
            ]),
        module("ClusterSimulation", ["Batches", "Disclosure", "Energy", "SeededRandom", "TransparencyLog"]),
        // Programs.
        program(
            "wattest-aggregator",
            [
                "Aggregation", "Batches", "Energy", "HardwareKeys", "HTTPEdge", "Identity", "JSONText", "Store",
                "TransparencyLog", "Wire", argumentParser, lifecycle, logging,
                product("UnixSignals", "swift-service-lifecycle"),
                product("Yams", "Yams"),
            ]),
        program(
            "wattest-agent",
            [
                "NodeAgent", "Batches", "Energy", "Identity", "JSONText", "MetricsEndpoint", "PinnedHTTPS", "Sensors",
                "Workloads", "TransparencyLog", argumentParser, nioCore, nioPosix, product("Yams", "Yams"),
            ]),
        program(
            "wattest",
            [
                "NodeAgent", "Batches", "Disclosure", "Emissions", "Energy", "Identity", "JSONText", "Sensors",
                "TransparencyLog", argumentParser, crypto, nioCore, nioPosix, nioHTTP1, nioSSL,
                product("AsyncHTTPClient", "async-http-client"),
            ]),
        program("wattest-audit", ["Disclosure", "Energy", "JSONText", "TransparencyLog", argumentParser]),
        program(
            "wattest-bench",
            [
                "Accounts", "Aggregation", "Batches", "ClusterSimulation", "Disclosure", "Energy", "Identity",
                "JSONText", "SeededRandom", "Store", "TransparencyLog", "Wire", argumentParser, crypto, logging,
            ]),
        tests("ParallelTests", ["Parallel"]),
        tests("EnergyTests", ["Energy", "SeededRandom"]),
        tests("BatchesTests", ["Batches", "Energy", "SeededRandom", "TransparencyLog"]),
        // JSON Schema, as far as the product's own schemas go.
        .target(
            name: "JSONSchemaCheck", dependencies: ["JSONText"], path: "Tests/JSONSchemaCheck",
            swiftSettings: settings),
        // Waiting in tests.
        .target(name: "Patience", path: "Tests/Patience", swiftSettings: settings),
        // A child for the tests that kill one in the middle of its writes.
        .executableTarget(
            name: "SpoolWriter", dependencies: ["NodeAgent", "Batches", "TransparencyLog"], path: "Tests/SpoolWriter",
            swiftSettings: settings),
        tests(
            "NodeAgentTests",
            [
                "SpoolWriter", "NodeAgent", "Batches", "Energy", "Accounts", "SeededRandom", "TransparencyLog", "Wire",
                "Identity", "MetricsEndpoint", "Patience", "PinnedHTTPS", "Sensors", "Workloads", "JSONText", crypto,
                nioCore, nioPosix, nioHTTP1, nioSSL,
            ], fixtures: true),
        tests(
            "DisclosureTests",
            [
                "ClusterSimulation", "Disclosure", "Accounts", "Batches", "Energy", "JSONSchemaCheck", "JSONText",
                "SeededRandom", "TransparencyLog",
            ]),
        tests(
            "AggregationTests",
            [
                "Accounts", "Aggregation", "Batches", "ClusterSimulation", "Disclosure", "Energy", "HTTPEdge",
                "Identity", "JSONText", "SeededRandom", "Store", "TransparencyLog", lifecycle, logging,
            ]),
        tests(
            "HTTPEdgeTests",
            [
                "HTTPEdge", "Identity", "MetricsEndpoint", "PinnedHTTPS", nioCore, nioPosix, nioSSL, logging, lifecycle,
                product("Hummingbird", "hummingbird"), product("HTTPTypes", "swift-http-types"),
            ]),
        tests(
            "AuditTests",
            [
                "wattest-audit", "Batches", "ClusterSimulation", "Disclosure", "Energy", "JSONText", "SeededRandom",
                "TransparencyLog",
            ]),
        tests("MetricsEndpointTests", ["MetricsEndpoint", "Identity", nioCore, nioPosix]),
        tests("TidyTests", []),
        tests("DeployTests", ["wattest-agent", "wattest-aggregator", product("Yams", "Yams")]),
        tests(
            "WattestTests",
            [
                "wattest", "Disclosure", "Emissions", "Energy", "HTTPEdge", "Identity", "JSONText", lifecycle, logging,
                product("Hummingbird", "hummingbird"), product("AsyncHTTPClient", "async-http-client"), nioCore,
                product("HTTPTypes", "swift-http-types"),
            ], fixtures: true),
        tests("JSONTextTests", ["JSONText", "SeededRandom"]),
        tests("EmissionsTests", ["Emissions", "Energy", "JSONText", "SeededRandom"], fixtures: true),
        tests("TransparencyLogTests", ["SeededRandom", "TransparencyLog"]),
        tests("StoreTests", ["Store", "CPostgres", "Patience", "SeededRandom", logging]),
        tests("SensorsTests", ["Sensors", "Energy", "JSONText", "SeededRandom", "CNVML"], fixtures: true),
        tests("WorkloadsTests", ["Workloads", "JSONText"]),
        tests("IdentityTests", ["Identity"]),
        tests(
            "HardwareKeysTests", ["Aggregation", "Batches", "CPKCS11", "Energy", "HardwareKeys", "TransparencyLog"]),
        tests(
            "WireTests",
            [
                "Wire", "Identity", crypto, protobuf, grpcCore, nioCore, nioPosix, nioSSL,
                product("GRPCNIOTransportHTTP2Posix", "grpc-swift-nio-transport"),
            ]),
        tests("VectorTests", ["TransparencyLog", crypto], fixtures: true),
        tests("AccountsTests", ["Accounts", "Energy", "SeededRandom"]),
        tests(
            "ClusterTests",
            [
                "Batches", "Disclosure", "Energy", "Identity", "JSONSchemaCheck", "JSONText", "NodeAgent",
                "Patience", "PinnedHTTPS", "SeededRandom", "Store", "TransparencyLog", "Wire", crypto, logging,
                product("Yams", "Yams"),
            ], fixtures: true),
    ] + fuzz
)
