# shellcheck shell=bash
# Sourced by the tests of deploy/ that make nodes. Bash; needs root and iproute2.

# Runs a command with network interfaces and named namespaces of its own, so that two runs never meet, and one that was
# killed leaves no interface behind that the next would stumble over.
in_own_network() {
    # The words are the inner shell's.
    # shellcheck disable=SC2016
    unshare --net --mount --propagation private sh -c \
        'ip link set lo up && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && exec "$@"' sh "$@"
}
