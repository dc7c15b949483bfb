/* Kernel calls whose C declarations are variadic or hold bit fields, so that Swift cannot make them itself. */
#ifndef WATTEST_KERNEL_CALLS_H
#define WATTEST_KERNEL_CALLS_H

#include <stdint.h>
#include <stddef.h>

/* perf_event_open(2) of a counting event on one CPU, all processes. Returns a descriptor or -errno. */
int wattest_perf_open(uint32_t type, uint64_t config, int cpu);

/* adjtimex(2) without setting anything. Returns the clock state or -errno. */
typedef struct {
    uint32_t status;
    int64_t maximum_error_us;
    int64_t estimated_error_us;
} wattest_clock;
int wattest_clock_read(wattest_clock *clock);

/* One request to the BMC behind /dev/ipmiN (drivers/char/ipmi/ipmi_devintf.c), waiting at most `timeout_ms`.
   Returns the length of the answer with its completion code, or -errno. */
int wattest_ipmi_request(int descriptor, uint8_t netfn, uint8_t command, const uint8_t *data, size_t length,
                         long message_id, uint8_t *answer, size_t capacity, int timeout_ms);

/* Whether a descriptor belongs to sysfs or procfs, whose files cannot be replaced by renaming. */
int wattest_is_kernel_file(int descriptor);

#endif
