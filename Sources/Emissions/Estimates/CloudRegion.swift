/// In which country a cloud's region lies, for planning: providers publish the place of their regions, and the
/// country's grid is the nearest open factor. A reported figure needs the site's own zone instead.
package enum CloudRegion {
    /// - Parameter region: `europe-west1`, `us-east-1`, `westeurope`; in any case, with or without `gcp:` and the like.
    /// - Returns: ISO 3166-1 alpha-2, nil for a name that no provider is known to use.
    package static func country(of region: String) -> String? {
        let name = region.split(separator: ":").last.map { String($0).lowercased() } ?? ""
        return countries.first { $0.regions.contains(name) }?.country
    }

    /// Amazon Web Services by the names in botocore's `partitions.json` and OpenShift's list, Google Cloud by
    /// GoogleCloudPlatform/region-carbon-info (December 2025), Azure by Microsoft's list of regions
    /// (learn.microsoft.com/azure/reliability/regions-list). Regions of which no source says the country are left out.
    private static let countries: [(country: String, regions: Set<String>)] = [
        (
            "US",
            [
                "us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-gov-east-1", "us-gov-west-1", "us-central1",
                "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4",
                "eastus", "eastus2", "centralus", "northcentralus", "southcentralus", "westcentralus", "westus",
                "westus2", "westus3",
            ]
        ),
        (
            "CA",
            [
                "ca-central-1", "ca-west-1", "northamerica-northeast1", "northamerica-northeast2", "canadacentral",
                "canadaeast",
            ]
        ),
        ("BR", ["sa-east-1", "southamerica-east1", "brazilsouth", "brazilsoutheast"]),
        ("CL", ["southamerica-west1", "chilecentral"]),
        ("MX", ["mx-central-1", "northamerica-south1", "mexicocentral"]),
        ("IE", ["eu-west-1", "northeurope"]),
        ("GB", ["eu-west-2", "europe-west2", "uksouth", "ukwest"]),
        ("FR", ["eu-west-3", "europe-west9", "francecentral", "francesouth"]),
        (
            "DE",
            ["eu-central-1", "europe-west3", "europe-west10", "germanywestcentral", "germanynorth"]
        ),
        ("CH", ["eu-central-2", "europe-west6", "switzerlandnorth", "switzerlandwest"]),
        ("SE", ["eu-north-1", "europe-north2", "swedencentral", "swedensouth"]),
        ("FI", ["europe-north1"]),
        ("NO", ["norwayeast", "norwaywest"]),
        ("NL", ["europe-west4", "westeurope"]),
        ("BE", ["europe-west1", "belgiumcentral"]),
        ("IT", ["eu-south-1", "europe-west8", "europe-west12", "italynorth"]),
        ("ES", ["eu-south-2", "europe-southwest1", "spaincentral"]),
        ("PL", ["europe-central2", "polandcentral"]),
        ("AT", ["austriaeast"]),
        ("ZA", ["af-south-1", "africa-south1", "southafricanorth", "southafricawest"]),
        ("IN", ["ap-south-1", "ap-south-2", "asia-south1", "asia-south2", "centralindia", "southindia", "westindia"]),
        ("JP", ["ap-northeast-1", "ap-northeast-3", "asia-northeast1", "asia-northeast2", "japaneast", "japanwest"]),
        ("KR", ["ap-northeast-2", "asia-northeast3", "koreacentral", "koreasouth"]),
        ("SG", ["ap-southeast-1", "asia-southeast1", "southeastasia"]),
        (
            "AU",
            [
                "ap-southeast-2", "ap-southeast-4", "australia-southeast1", "australia-southeast2", "australiaeast",
                "australiasoutheast", "australiacentral", "australiacentral2",
            ]
        ),
        ("MY", ["ap-southeast-5", "malaysiawest"]),
        ("TH", ["ap-southeast-7"]),
        ("NZ", ["newzealandnorth"]),
        ("TW", ["asia-east1"]),
        ("QA", ["me-central1", "qatarcentral"]),
        ("ID", ["ap-southeast-3", "asia-southeast2", "indonesiacentral"]),
        ("IL", ["il-central-1", "me-west1", "israelcentral"]),
        ("SA", ["me-central2"]),
        ("AE", ["me-central-1", "uaenorth", "uaecentral"]),
        ("BH", ["me-south-1"]),
        ("HK", ["ap-east-1", "asia-east2", "eastasia"]),
        ("CN", ["cn-north-1", "cn-northwest-1", "chinanorth", "chinaeast"]),
    ]
}
