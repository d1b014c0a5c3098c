#!/bin/sh
# Builds the Debian packages of the committed sources. Usage: scripts/package.sh FOLDER
# Installs what that needs first; DEB_BUILD_OPTIONS=nocheck leaves the tests out.
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh
[ $# -eq 1 ] || { echo "usage: scripts/package.sh FOLDER" >&2; exit 2; }
need_packages $BUILD_PACKAGES dpkg-dev debhelper dh-python libcmocka-dev python3 fakeroot
mkdir -p "$1"
out=$(cd "$1" && pwd)
rm -rf "$out/autosim"
mkdir "$out/autosim"
git archive HEAD | tar -x -C "$out/autosim"
cd "$out/autosim"
dpkg-buildpackage -us -uc -b >"$out/build.log" 2>&1 || { tail -40 "$out/build.log" >&2; exit 1; }
ls "$out"/*.deb
if command -v lintian >/dev/null; then
    # The address is for whoever publishes the packages to fill in.
    lintian --fail-on error \
        --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog \
        "$out"/*.changes
fi
