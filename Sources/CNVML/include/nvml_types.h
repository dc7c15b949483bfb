/* The few types of libnvidia-ml.so.1 that are needed to call it through dlopen. Layouts: nvml.h, API version 11 and later. */
#ifndef WATTEST_NVML_TYPES_H
#define WATTEST_NVML_TYPES_H

#include <stdint.h>

typedef void *wattest_nvml_device;

typedef union {
    double real;
    int32_t signed_int;
    uint32_t unsigned_int;
    unsigned long unsigned_long;
    uint64_t unsigned_long_long;
    int64_t signed_long_long;
    uint16_t unsigned_short;
} wattest_nvml_value;

/* nvmlFieldValue_t */
typedef struct {
    uint32_t field_id;
    uint32_t scope_id;
    int64_t timestamp_us;
    int64_t latency_us;
    uint32_t value_type;
    uint32_t status;
    wattest_nvml_value value;
} wattest_nvml_field;

/* nvmlPciInfo_t (v3) */
typedef struct {
    char bus_id_legacy[16];
    uint32_t domain;
    uint32_t bus;
    uint32_t device;
    uint32_t pci_device_id;
    uint32_t pci_subsystem_id;
    char bus_id[32];
} wattest_nvml_pci;

/* nvmlProcessInfo_t */
typedef struct {
    uint32_t process;
    uint64_t memory_bytes;
    uint32_t gpu_instance;
    uint32_t compute_instance;
} wattest_nvml_process;

/* nvmlProcessUtilizationSample_t */
typedef struct {
    uint32_t process;
    uint64_t timestamp_us;
    uint32_t multiprocessors;
    uint32_t memory;
    uint32_t encoder;
    uint32_t decoder;
} wattest_nvml_utilisation;

/* nvmlDeviceAttributes_t */
typedef struct {
    uint32_t multiprocessors;
    uint32_t copy_engines;
    uint32_t decoders;
    uint32_t encoders;
    uint32_t jpeg_engines;
    uint32_t optical_flow_engines;
    uint32_t gpu_slices;
    uint32_t compute_slices;
    uint64_t memory_mib;
} wattest_nvml_attributes;

#endif
