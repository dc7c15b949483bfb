/* Two boards behind the symbols of libnvidia-ml, whose counters are files of the node: /sys/cray/pm_counters/gpuN, in mJ.
 * Their identities hold the number at the end of the host's name. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOARDS 2
typedef struct { uint32_t id, scope; int64_t stamp, latency; uint32_t type, status; uint64_t value; } field;

static int host(void) {
    char name[64] = "";
    gethostname(name, sizeof name - 1);
    const char *digits = strpbrk(name, "0123456789");
    return digits ? atoi(digits) : 0;
}
static int energy(uintptr_t board, uint64_t *value) {
    char path[64];
    snprintf(path, sizeof path, "/sys/cray/pm_counters/gpu%d", (int)board - 1);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    unsigned long long read = 0;
    int found = fscanf(file, "%llu", &read);
    fclose(file);
    *value = read;
    return found == 1;
}
uint32_t nvmlInit_v2(void) { return 0; }
uint32_t nvmlShutdown(void) { return 0; }
uint32_t nvmlDeviceGetCount_v2(uint32_t *n) { *n = BOARDS; return 0; }
uint32_t nvmlDeviceGetHandleByIndex_v2(uint32_t i, void **d) { *d = (void *)(uintptr_t)(i + 1); return 0; }
uint32_t nvmlDeviceGetUUID(void *d, char *b, uint32_t n) {
    snprintf(b, n, "GPU-00000000-0000-4000-8000-%06d%06d", host(), (int)(uintptr_t)d);
    return 0;
}
uint32_t nvmlDeviceGetHandleByUUID(const char *u, void **d) {
    *d = (void *)(uintptr_t)atoi(u + strlen(u) - 6);
    return 0;
}
uint32_t nvmlDeviceGetName(void *d, char *b, uint32_t n) { snprintf(b, n, "NVIDIA H100 80GB HBM3"); return 0; }
uint32_t nvmlDeviceGetFieldValues(void *d, int n, field *f) {
    for (int i = 0; i < n; i++, f++) {
        f->status = 0;
        f->type = 3;
        if (f->id == 83) f->status = energy((uintptr_t)d, &f->value) ? 0 : 999;
        else if (f->id == 188 && !f->scope) f->value = 700000;
        else f->status = 3;
    }
    return 0;
}
