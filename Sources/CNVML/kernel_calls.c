#include "kernel_calls.h"

#include <errno.h>
#include <linux/ipmi.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

int wattest_perf_open(uint32_t type, uint64_t config, int cpu) {
    struct perf_event_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.size = sizeof attributes;
    attributes.type = type;
    attributes.config = config;
    long descriptor = syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    return descriptor < 0 ? -errno : (int)descriptor;
}

int wattest_clock_read(wattest_clock *clock) {
    struct timex state;
    memset(&state, 0, sizeof state);
    int result = adjtimex(&state);
    if (result < 0) return -errno;
    clock->status = (uint32_t)state.status;
    clock->maximum_error_us = state.maxerror;
    clock->estimated_error_us = state.esterror;
    return result;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int wattest_ipmi_request(int descriptor, uint8_t netfn, uint8_t command, const uint8_t *data, size_t length,
                         long message_id, uint8_t *answer, size_t capacity, int timeout_ms) {
    struct ipmi_system_interface_addr target = {
        .addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE, .channel = IPMI_BMC_CHANNEL, .lun = 0};
    struct ipmi_req request = {
        .addr = (unsigned char *)&target,
        .addr_len = sizeof target,
        .msgid = message_id,
        .msg = {.netfn = netfn, .cmd = command, .data_len = (unsigned short)length, .data = (unsigned char *)data}};
    if (ioctl(descriptor, IPMICTL_SEND_COMMAND, &request) < 0) return -errno;
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        int64_t left = deadline - now_ms();
        if (left <= 0) return -ETIMEDOUT;
        struct pollfd wait = {.fd = descriptor, .events = POLLIN};
        int ready = poll(&wait, 1, (int)left);
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return -errno;
        if (ready == 0) return -ETIMEDOUT;
        struct ipmi_addr source;
        struct ipmi_recv received = {
            .addr = (unsigned char *)&source,
            .addr_len = sizeof source,
            .msg = {.data = answer, .data_len = (unsigned short)capacity}};
        if (ioctl(descriptor, IPMICTL_RECEIVE_MSG_TRUNC, &received) < 0) return -errno;
        /* An answer to an earlier request that timed out must not pass for this one. */
        if (received.recv_type == IPMI_RESPONSE_RECV_TYPE && received.msgid == message_id) return received.msg.data_len;
    }
}

int wattest_is_kernel_file(int descriptor) {
    struct statfs filesystem;
    if (fstatfs(descriptor, &filesystem) < 0) return 0;
    return filesystem.f_type == 0x62656572 /* SYSFS_MAGIC */ || filesystem.f_type == 0x9fa0 /* PROC_SUPER_MAGIC */;
}
