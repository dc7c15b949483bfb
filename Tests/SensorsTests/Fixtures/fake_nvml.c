/* A stand-in for libnvidia-ml.so.1: same symbols, behaviour scripted through the exported `fake` variable. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fake_gpu {
    char uuid[64];
    char name[64];
    uint64_t energy_mj;
    uint32_t gpu_mw, module_mw, limit_mw;
    uint32_t status;      /* what every call on the device returns */
    uint32_t field_status; /* what field values carry */
    uint32_t energy_type; /* value type of field 83 */
    uint32_t has_energy_field, has_energy_call, has_power_fields, has_power_usage, mig;
    uint64_t stamp_us;
    uint32_t calls;
    uint32_t processes, process[8], busy[8], instances;
    uint64_t busy_us;
};
struct fake_state {
    uint32_t init_status, count, initialised;
    struct fake_gpu gpu[8];
};
struct fake_state fake;
static struct fake_gpu instance[8][7];

typedef struct { uint32_t id, scope; int64_t stamp, latency; uint32_t type, status; union { uint64_t u; double d; int64_t s; uint32_t w; } value; } field;

/* FAKE_NVML_GPUS boards that draw FAKE_NVML_MW each, whose counters follow the clock in steps of 50 ms; for programs. */
void fake_set(uint32_t, const char *, const char *, uint32_t);
static uint32_t running_mw;
static void run(void) {
    const char *gpus = getenv("FAKE_NVML_GPUS"), *mw = getenv("FAKE_NVML_MW");
    if (!gpus || running_mw) return;
    running_mw = mw ? atoi(mw) : 300000;
    for (int i = 0; i < atoi(gpus) && i < 8; i++) {
        char uuid[64];
        snprintf(uuid, sizeof uuid, "GPU-00000000-0000-4000-8000-%012d", i);
        fake_set(i, uuid, "NVIDIA H100 80GB HBM3", 700000);
        fake.gpu[i].gpu_mw = running_mw;
    }
}
static uint64_t energy(struct fake_gpu *g) {
    if (!running_mw) return g->energy_mj;
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return ((uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000) / 50 * 50 * running_mw / 1000;
}
uint32_t nvmlInit_v2(void) { run(); if (!fake.init_status) fake.initialised = 1; return fake.init_status; }
uint32_t nvmlShutdown(void) { fake.initialised = 0; return 0; }
uint32_t nvmlDeviceGetCount_v2(uint32_t *n) { *n = fake.count; return fake.initialised ? 0 : 1; }
uint32_t nvmlDeviceGetHandleByIndex_v2(uint32_t i, void **d) { *d = &fake.gpu[i]; return fake.gpu[i].status == 15 ? 15 : 0; }
uint32_t nvmlDeviceGetHandleByUUID(const char *u, void **d) {
    for (uint32_t i = 0; i < fake.count; i++)
        if (!strcmp(fake.gpu[i].uuid, u)) { *d = &fake.gpu[i]; return fake.gpu[i].status; }
    return 6;
}
static uint32_t copy(const char *s, char *b, uint32_t n) { strncpy(b, s, n - 1); b[n - 1] = 0; return 0; }
uint32_t nvmlDeviceGetUUID(struct fake_gpu *g, char *b, uint32_t n) { return copy(g->uuid, b, n); }
uint32_t nvmlDeviceGetName(struct fake_gpu *g, char *b, uint32_t n) { return copy(g->name, b, n); }
uint32_t nvmlDeviceGetMigMode(struct fake_gpu *g, uint32_t *c, uint32_t *p) { *c = *p = g->mig; return 0; }
uint32_t nvmlDeviceGetTotalEnergyConsumption(struct fake_gpu *g, uint64_t *e) {
    if (g->status) return g->status;
    *e = energy(g);
    return g->has_energy_call ? 0 : 3;
}
uint32_t nvmlDeviceGetPowerUsage(struct fake_gpu *g, uint32_t *p) { *p = g->gpu_mw; return g->status ? g->status : g->has_power_usage ? 0 : 3; }
uint32_t nvmlDeviceGetFieldValues(struct fake_gpu *g, int n, field *f) {
    g->calls++;
    if (g->status) return g->status;
    for (int i = 0; i < n; i++, f++) {
        f->status = g->field_status;
        f->stamp = g->stamp_us;
        f->type = 1;
        if (f->id == 83 && g->has_energy_field) {
            f->type = g->energy_type;
            if (f->type == 0) f->value.d = (double)energy(g); else f->value.u = energy(g);
        } else if ((f->id == 185 || f->id == 186) && g->has_power_fields && (f->scope == 0 || (f->scope == 1 && g->module_mw)))
            f->value.w = f->scope ? g->module_mw : g->gpu_mw;
        else if (f->id == 188 && f->scope == 0 && g->limit_mw)
            f->value.w = g->limit_mw;
        else
            f->status = 3;
    }
    return 0;
}

/* What a test sets. */
void fake_set(uint32_t i, const char *uuid, const char *name, uint32_t limit_mw) {
    struct fake_gpu *g = &fake.gpu[i];
    copy(uuid, g->uuid, sizeof g->uuid);
    copy(name, g->name, sizeof g->name);
    g->limit_mw = limit_mw;
    g->energy_type = 3;
    g->has_energy_field = g->has_energy_call = g->has_power_fields = g->has_power_usage = 1;
    g->gpu_mw = 300000;
    if (fake.count <= i) fake.count = i + 1;
}
void fake_number(uint32_t i, const char *what, uint64_t v) {
    struct fake_gpu *g = &fake.gpu[i];
    if (!strcmp(what, "energy")) g->energy_mj = v;
    if (!strcmp(what, "gpu_mw")) g->gpu_mw = v;
    if (!strcmp(what, "module_mw")) g->module_mw = v;
    if (!strcmp(what, "status")) g->status = v;
    if (!strcmp(what, "field_status")) g->field_status = v;
    if (!strcmp(what, "energy_type")) g->energy_type = v;
    if (!strcmp(what, "energy_field")) g->has_energy_field = v;
    if (!strcmp(what, "energy_call")) g->has_energy_call = v;
    if (!strcmp(what, "power_fields")) g->has_power_fields = v;
    if (!strcmp(what, "power_usage")) g->has_power_usage = v;
    if (!strcmp(what, "mig")) g->mig = v;
    if (!strcmp(what, "stamp_us")) g->stamp_us = v;
    if (!strcmp(what, "busy_us")) g->busy_us = v;
    if (!strcmp(what, "processes")) g->processes = v;
    if (!strcmp(what, "init_status")) fake.init_status = v;
    if (!strcmp(what, "initialised")) fake.initialised = v;
}

/* Who works on a board. `busy_us` is the driver's time of the newest sample. */
typedef struct { uint32_t pid; uint64_t memory; uint32_t gpu_instance, compute_instance; } process;
typedef struct { uint32_t pid; uint64_t stamp; uint32_t sm, memory, encoder, decoder; } utilization;
typedef struct { uint32_t sm, copy, dec, enc, jpeg, ofa, slices, compute; uint64_t mib; } attributes;
uint32_t nvmlDeviceGetComputeRunningProcesses_v3(struct fake_gpu *g, uint32_t *n, process *p) {
    if (g->status) return g->status;
    uint32_t room = *n;
    *n = g->processes;
    if (room < g->processes) return 7;
    for (uint32_t i = 0; i < g->processes; i++) p[i] = (process){g->process[i], 1 << 30, ~0u, ~0u};
    return 0;
}
uint32_t nvmlDeviceGetProcessUtilization(struct fake_gpu *g, utilization *u, uint32_t *n, uint64_t since) {
    if (g->status) return g->status;
    if (g->mig) return 3;
    if (since >= g->busy_us) return 6;
    uint32_t room = *n;
    *n = g->processes;
    if (room < g->processes) return 7;
    for (uint32_t i = 0; i < g->processes; i++) u[i] = (utilization){g->process[i], g->busy_us, g->busy[i], 0, 0, 0};
    return 0;
}
uint32_t nvmlDeviceGetMaxMigDeviceCount(struct fake_gpu *g, uint32_t *n) { *n = g->mig ? 7 : 0; return 0; }
uint32_t nvmlDeviceGetMigDeviceHandleByIndex(struct fake_gpu *g, uint32_t i, void **d) {
    *d = &instance[g - fake.gpu][i];
    return g->mig && i < g->instances ? 0 : 6;
}
uint32_t nvmlDeviceGetAttributes_v2(struct fake_gpu *g, attributes *a) { a->sm = g->limit_mw; return 0; }
void fake_process(uint32_t i, const char *unused, const char *also, uint32_t pid) {
    struct fake_gpu *g = &fake.gpu[i];
    g->process[g->processes++] = pid;
}
void fake_instance(uint32_t i, const char *uuid, const char *unused, uint32_t multiprocessors) {
    struct fake_gpu *g = &fake.gpu[i];
    struct fake_gpu *part = &instance[i][g->instances++];
    copy(uuid, part->uuid, sizeof part->uuid);
    part->limit_mw = multiprocessors;
}
/* The busy time of the process at a place, in per cent. */
void fake_busy(uint32_t i, const char *place, uint64_t percent) { fake.gpu[i].busy[atoi(place)] = percent; }
