# SPDX-License-Identifier: Apache-2.0
# What the walks have in common: each command is shown as its user types it, with what it
# prints, and a walk ends where that is not what the user was promised.
set -eu

step() { printf '\n# %s\n' "$*"; }

run() {
    printf '$ %s\n' "$*"
    "$@"
}

# see PATTERN COMMAND…: runs it until it prints a line like this, for at most 20 seconds.
see() {
    pattern=$1
    shift
    printf '$ %s\n' "$*"
    for _ in $(seq 100); do
        printed=$("$@" 2>&1) || true
        if printf '%s\n' "$printed" | grep -qE -- "$pattern"; then
            printf '%s\n' "$printed"
            return
        fi
        sleep 0.2
    done
    printf '%s\nThe walk ends here: nothing like "%s" was printed.\n' "$printed" "$pattern" >&2
    exit 1
}

# Writes standard input into a file, and shows it.
edit() {
    printf '$ cat > %s\n' "$1"
    tee "$1"
}

# ask TARGET CURL-OPTION…: the head of the front door's answer.
ask() {
    target=$1
    shift
    curl -sI "$@" "http://127.0.0.1:${port:-80}$target"
}

# Debian's own way of starting a service, with or without systemd.
restart() { run service "$1" restart >/dev/null; }

install_packages() { ./bootstrap install "$@" >/dev/null 2>&1; }

hex=7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097
