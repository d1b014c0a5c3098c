# Sourced by demo.sh and test.sh: installs Debian packages that are missing.
# As root directly, else with sudo; where neither is possible, says what to install.

BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config libhwloc-dev libjansson-dev
libopenblas-dev liblapacke-dev zlib1g-dev nettle-dev"

need_packages() {
    missing=""
    for package in "$@"; do
        state=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
        case "$state" in
        ii*) ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -z "$missing" ] && return 0
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "These packages are missing; install them and start again:$missing" >&2
            exit 4
        fi
        as_root=sudo
    fi
    echo "Installing:$missing"
    package_log=$(mktemp)
    # A list that is old may name packages that the archive no longer has.
    if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing; } >"$package_log" 2>&1; then
        tail -20 "$package_log" >&2
        echo "The packages could not be installed; the lines above say why." >&2
        rm -f "$package_log"
        exit 4
    fi
    rm -f "$package_log"
}
