# shellcheck shell=bash
# Debian roots, made once and kept: for tests/asterisk/run and .ci/clean, which read this file. Both say where ($cache),
# and what happens when something fails (die).
: "${cache:?}"

# Under su the administrator's commands are not in the path. Elsewhere it stays as it is, for cargo builds C anew where it
# is another.
case :$PATH: in *:/usr/sbin:*) ;; *) PATH=$PATH:/usr/sbin:/sbin ;; esac

# In namespaces of their own: whatever is mounted or runs there ends with this script, however that ends.
in_namespaces() {
    local with_us=(setpriv --pdeathsig KILL)
    "${with_us[@]}" timeout --foreground "${limit:-900}" "${with_us[@]}" \
        unshare --mount --uts --pid --fork --kill-child --mount-proc "$@"
}

# One run at a time makes roots; release_cache lets the next one.
hold_cache() {
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock --nonblock 9 || { echo 'waiting for another run to end its downloads'; flock 9; }
}

release_cache() { exec 9>&-; }

# root NAME SUITE PACKAGES CHANGE: $made is a Debian root in the cache, made once from this recipe, and changed once it is there.
root() {
    made=$cache/$1-$(printf '%s' "$2 $3 $(declare -f root "$4")" | cksum | cut -d ' ' -f 1)
    if [ -d "$made" ]; then return; fi
    rm -rf "$made.new"
    quietly in_namespaces debootstrap --variant=minbase --include="$3" "$2" "$made.new" 9>&-
    "$4" "$made.new"
    rm -rf "$made.new/var/cache/apt" "$made.new/var/lib/apt/lists"
    mv -T "$made.new" "$made"
}

# install_tools "COMMAND PACKAGE"...: each package whose command is missing.
install_tools() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair% *}" >/dev/null || missing+=("${pair#* }")
    done
    if ((${#missing[@]})); then
        quietly apt-get update
        quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y "${missing[@]}"
    fi
}

quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        die "failed: $*"
    fi
    rm -f "$log"
}
