# shellcheck shell=bash
# Sourced by the scripts of deploy/: Debian and Ubuntu packages, and the build. Bash.

say() { printf '%s\n' "$*"; }
complain() { printf '%s\n' "$*" >&2; }

# The packages of the arguments that are not installed.
missing_packages() {
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s ' "$name"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        complain "deploy: packages are missing and this is neither root nor is there sudo: install them as root: $*"
        return 1
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        --no-install-recommends install "$@"
}

# Installs what is missing of the arguments, and says so; asks for rights only then.
install_packages() {
    local wanted
    wanted=$(missing_packages "$@")
    [ -n "$wanted" ] || return 0
    command -v apt-get >/dev/null || {
        complain "deploy: there is no apt-get here: install by hand what answers to these Debian packages: $wanted"
        return 1
    }
    say "Installing Debian packages: $wanted"
    as_root apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null || say "The package lists could not be renewed; going on."
    # Split into words on purpose: names of packages.
    # shellcheck disable=SC2086
    apt_install $wanted >/dev/null
}

# The PostgreSQL server programs, without the cluster that Debian starts by default: the aggregator runs one of its own.
install_postgresql() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return 0
    command -v initdb >/dev/null && return 0
    install_packages postgresql-common
    as_root sed -i -E 's/^[#[:space:]]*create_main_cluster.*/create_main_cluster = false/' \
        /etc/postgresql-common/createcluster.conf
    install_packages postgresql
}

# What every build needs beside Swift.
install_build_packages() {
    install_packages libpq-dev libssl-dev zlib1g-dev pkg-config ca-certificates
    install_postgresql
}

# scitt-cose from PyPI verifies receipts. Without a network Debian's CBOR and Ed25519 do, under the same script.
install_receipt_verifier() {
    local place=.build/foreign-python
    if [ ! -x "$place/bin/python3" ] || ! "$place/bin/python3" -c 'import scitt_cose' 2>/dev/null; then
        install_packages python3 python3-venv python3-cbor2 python3-cryptography
        if ! { python3 -m venv --system-site-packages "$place" &&
            "$place/bin/pip" --quiet --disable-pip-version-check install scitt-cose==0.5.0; }; then
            say "scitt-cose cannot be installed here; receipts are verified with cbor2 and cryptography."
        fi
    fi
    [ ! -x "$place/bin/python3" ] || export WATTEST_PYTHON=$PWD/$place/bin/python3
}

require_swift() {
    local version
    command -v swift >/dev/null || {
        complain "deploy: no swift in PATH: install Swift 6.2 or newer from https://www.swift.org/install/linux/"
        return 1
    }
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    if [ "$(printf '6.2\n%s\n' "$version" | sort -V | head -n 1)" != 6.2 ]; then
        complain "deploy: Swift ${version:-of unknown version} is too old: install 6.2 or newer"
        return 1
    fi
}

# Sets `bin` to the directory of the programs of the package at $1: built here, unless WATTEST_BIN names one.
build_programs() {
    local product configuration=${WATTEST_BUILD:-debug}
    bin=${WATTEST_BIN:-}
    [ -z "$bin" ] || return 0
    for product in wattest-aggregator wattest-agent wattest; do
        swift build --package-path "$1" -c "$configuration" --product "$product" -q
    done
    # Read by whoever sources this.
    # shellcheck disable=SC2034
    bin=$(swift build --package-path "$1" -c "$configuration" --show-bin-path)
}
