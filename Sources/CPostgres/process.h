#ifndef WATTEST_PROCESS_H
#define WATTEST_PROCESS_H

// Starting a program as another user that dies with us. posix_spawn can neither change the user nor set the
// parent-death signal, and fork is not to be had from Swift: between fork and exec only async-signal-safe calls
// are allowed, which is why this is C and touches nothing but what the caller prepared.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct wattest_child {
    const char *program;
    char *const *arguments;    // ends with NULL
    char *const *environment;  // ends with NULL
    const char *directory;     // working directory
    bool change_user;
    uid_t user;
    gid_t group;
    const gid_t *groups;  // supplementary groups, worked out before: initgroups() is not async-signal-safe
    size_t group_count;
    int input, output, errors;  // become 0, 1, 2
    int death_signal;           // sent when the starting *thread* ends; 0: none
};

enum wattest_child_stage {
    WATTEST_CHILD_STARTED = 0,
    WATTEST_CHILD_FORK = 1,
    WATTEST_CHILD_USER = 2,
    WATTEST_CHILD_DIRECTORY = 3,
    WATTEST_CHILD_EXEC = 4
};

struct wattest_child_failure {
    int stage;
    int error;
};

// Raw system calls: glibc's wrappers would try to tell the threads of a process that, after fork, has but one.
static inline int wattest_become(uid_t user, gid_t group, const gid_t *groups, size_t group_count) {
    if (syscall(SYS_setgroups, group_count, groups) != 0) return -1;
    if (syscall(SYS_setresgid, group, group, group) != 0) return -1;
    return syscall(SYS_setresuid, user, user, user) == 0 ? 0 : -1;
}

static inline void wattest_child_signals(void) {
    // A server ignores or handles signals in ways that its children must not inherit.
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static inline void wattest_child_descriptors(const struct wattest_child *child) {
    dup2(child->input, 0);
    dup2(child->output, 1);
    dup2(child->errors, 2);
    // Listening sockets that leak into a database server would outlive us and keep our ports taken.
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) == 0) return;
#endif
    for (int descriptor = 3; descriptor < 65536; descriptor++) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

// In the child: returns only by failing, with the stage.
static inline int wattest_child_exec(const struct wattest_child *child, pid_t parent) {
    wattest_child_signals();
    setsid();  // Ctrl-C in our terminal is not meant for the database
    if (child->change_user
        && wattest_become(child->user, child->group, child->groups, child->group_count) != 0)
        return WATTEST_CHILD_USER;
    umask(077);
    if (chdir(child->directory) != 0) return WATTEST_CHILD_DIRECTORY;
    if (child->death_signal != 0) {
        // After the change of user, which clears it. The parent may be gone already: then nobody would tell us.
        prctl(PR_SET_PDEATHSIG, child->death_signal);
        if (getppid() != parent) _exit(127);
    }
    wattest_child_descriptors(child);
    execve(child->program, child->arguments, child->environment);
    return WATTEST_CHILD_EXEC;
}

// Starts the child. Returns its pid, or -1 with the failure filled in; no process is left behind then.
static inline pid_t wattest_child_start(const struct wattest_child *child, struct wattest_child_failure *failure) {
    int report[2];
    failure->stage = WATTEST_CHILD_STARTED;
    failure->error = 0;
    if (syscall(SYS_pipe2, report, O_CLOEXEC) != 0) {
        failure->stage = WATTEST_CHILD_FORK;
        failure->error = errno;
        return -1;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        struct wattest_child_failure seen;
        seen.stage = wattest_child_exec(child, parent);
        seen.error = errno;
        ssize_t written = write(report[1], &seen, sizeof seen);
        _exit(written == (ssize_t)sizeof seen ? 126 : 127);
    }
    int fork_error = errno;
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        failure->stage = WATTEST_CHILD_FORK;
        failure->error = fork_error;
        return -1;
    }
    ssize_t got;
    do got = read(report[0], failure, sizeof *failure);
    while (got < 0 && errno == EINTR);
    close(report[0]);
    if (got != (ssize_t)sizeof *failure) return pid;  // the pipe closed itself on exec
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return -1;
}

// Asks, as the given user, which of the directories cannot be entered: their index, -1 when all can, -2 on failure.
// A child asks the kernel, since mode bits alone do not tell (access control lists, root-squashed mounts).
static inline int wattest_first_barred(
    const char *const *directories, int count, uid_t user, gid_t group, const gid_t *groups, size_t group_count) {
    pid_t pid = fork();
    if (pid < 0) return -2;
    if (pid == 0) {
        if (wattest_become(user, group, groups, group_count) != 0) _exit(255);
        for (int index = 0; index < count && index < 254; index++)
            if (access(directories[index], X_OK) != 0) _exit(index);
        _exit(254);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return -2;
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 255) return -2;
    return WEXITSTATUS(status) == 254 ? -1 : WEXITSTATUS(status);
}

// Variadic functions are not to be had from Swift. The kernel keeps 15 characters.
static inline void wattest_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

// sys/eventfd.h is not part of Swift's Glibc module.
static inline int wattest_event_descriptor(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// A descriptor that becomes readable when the process ends; -1 where the kernel or a sandbox refuses.
static inline int wattest_pid_descriptor(pid_t pid) {
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0u);
#else
    errno = ENOSYS;
    return -1;
#endif
}

#endif
