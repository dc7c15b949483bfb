/* A stand-in for libamd_smi.so: same symbols, behaviour scripted through exported functions. */
#include <stdint.h>
#include <string.h>

static struct { uint64_t energy; float resolution; uint32_t status; uint64_t bdf; char uuid[64]; } gpu[4];
static uint32_t sockets, partitions = 1, init_status;

uint32_t amdsmi_init(uint64_t flags) { return init_status ? init_status : flags == 2 ? 0 : 1; }
uint32_t amdsmi_shut_down(void) { return 0; }
uint32_t amdsmi_get_socket_handles(uint32_t *n, void **h) {
    if (h) for (uint32_t i = 0; i < *n && i < sockets; i++) h[i] = &gpu[i];
    *n = sockets;
    return 0;
}
uint32_t amdsmi_get_processor_handles(void *socket, uint32_t *n, void **h) {
    if (h) for (uint32_t i = 0; i < *n && i < partitions; i++) h[i] = socket;
    *n = partitions;
    return 0;
}
uint32_t amdsmi_get_gpu_device_uuid(void *d, uint32_t *n, char *b) {
    strncpy(b, ((typeof(&gpu[0]))d)->uuid, *n);
    return 0;
}
uint32_t amdsmi_get_gpu_device_bdf(void *d, uint64_t *bdf) { *bdf = ((typeof(&gpu[0]))d)->bdf; return 0; }
uint32_t amdsmi_get_energy_count(void *d, uint64_t *e, float *r, uint64_t *t) {
    typeof(&gpu[0]) g = d;
    *e = g->energy;
    *r = g->resolution;
    *t = 1;
    return g->status;
}

void fake_set(uint32_t i, const char *uuid, const char *name, uint32_t bus) {
    (void)name;
    strncpy(gpu[i].uuid, uuid, 63);
    gpu[i].bdf = (uint64_t)bus << 8;
    gpu[i].resolution = 15.3f;
    if (sockets <= i) sockets = i + 1;
}
void fake_number(uint32_t i, const char *what, uint64_t v) {
    if (!strcmp(what, "energy")) gpu[i].energy = v;
    if (!strcmp(what, "status")) gpu[i].status = v;
    if (!strcmp(what, "resolution")) gpu[i].resolution = (float)v;
    if (!strcmp(what, "partitions")) partitions = v;
    if (!strcmp(what, "init_status")) init_status = v;
}
