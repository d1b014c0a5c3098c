#!/bin/sh
# Installs the packages of scripts/package.sh in a bare Debian and uses them there: the
# program, the library by pkg-config, the Python module. As root.
# Usage: scripts/package-test.sh FOLDER-OF-PACKAGES TREE
# TREE is made by debootstrap where it is not there.
set -eu
[ $# -eq 2 ] || { echo "usage: scripts/package-test.sh PACKAGES TREE" >&2; exit 2; }
source=$(cd "$(dirname "$0")/.." && pwd)
packages=$(cd "$1" && pwd)
tree=$2
if [ ! -x "$tree/usr/bin/apt-get" ]; then
    command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap >/dev/null
    debootstrap --variant=minbase bookworm "$tree" >"$tree.log" 2>&1 ||
        { tail -5 "$tree.log" >&2; exit 1; }
fi
mkdir -p "$tree/packages"
cp "$packages"/*.deb "$source"/tests/reference/triatomic/* "$tree/packages"
cat >"$tree/packages/use.sh" <<'INSIDE'
set -eu
cd /packages
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends ./autosim_*.deb ./libautosim0_*.deb \
    ./libautosim-dev_*.deb ./python3-autosim_*.deb gromacs gcc libc6-dev pkg-config \
    >install.log 2>&1 || { tail -20 install.log; exit 1; }
autosim --version
gmx grompp -f md.mdp -c c.gro -p topol.top -o tri.tpr >gmx.log 2>&1
gmx mdrun -s tri.tpr -nsteps 200000 -x tri.xtc -ntmpi 1 -ntomp 1 -pin off >gmx.log 2>&1
rm -rf autosim
code=0
autosim run tri.tpr tri.xtc --windows 3 --ns 0.2 -q || code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 6 ]
test -s autosim/report.html
for page in man1/autosim-run.1 man3/libautosim.3 man3/asim_pca_compute.3; do
    test -s "/usr/share/man/$page.gz"
done
cc /usr/share/doc/libautosim-dev/examples/pca.c -o pca $(pkg-config --cflags --libs autosim)
./pca tri.tpr tri.xtc all
python3 -c "
from autosim_core._library import library, __version__
print('libautosim', library().asim_version().decode(), 'from Python', __version__)"
echo "the packages work"
INSIDE
mkdir -p "$tree/proc" "$tree/dev"
mountpoint -q "$tree/proc" || mount -t proc proc "$tree/proc"
mountpoint -q "$tree/dev" || mount --rbind /dev "$tree/dev"
trap 'umount -l "$tree/proc" "$tree/dev" 2>/dev/null || true' EXIT
chroot "$tree" /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh /packages/use.sh
