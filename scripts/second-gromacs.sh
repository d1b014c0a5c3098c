#!/bin/sh
# A second GROMACS for tests: that of Debian 13 (2025, with Colvars and mdrun -plumed)
# unpacked into a folder. Nothing is installed and no root is needed.
# Usage: scripts/second-gromacs.sh FOLDER     afterwards FOLDER/gmx runs it
# A quarter of a minute, 120 MB; does nothing where FOLDER/gmx is there already.
set -eu
folder=$1
[ -x "$folder/gmx" ] && exit 0
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
apt=$folder/apt
rm -rf "$apt" "$folder/tree"
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$folder/tree"
: >"$apt/status"

# The mirror that this machine has its own packages from.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
    grep -v security | grep -m 1 debian || true)
echo "deb ${mirror:-http://deb.debian.org/debian} trixie main" >"$apt/sources.list"
own_apt() {
    apt-get -o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" \
        -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
}
cd "$apt/archives"
# gmx and what it is linked with, without what Debian ships beside it.
if ! { own_apt update && own_apt download gromacs gromacs-data libgromacs10 libblas3 \
    libc6 libcap2 libfftw3-single3 libgcc-s1 libgfortran5 libgomp1 libhwloc15 \
    liblapack3 libmuparser2v5 libstdc++6 libudev1 zlib1g; } >"$apt/log" 2>&1; then
    tail -20 "$apt/log" >&2
    exit 4
fi
for package in *.deb; do
    dpkg-deb --fsys-tarfile "$package" |
        tar -x -C "$folder/tree" --exclude='./usr/share/doc*' --exclude='*_mpi*' \
            --exclude='*_d.*' --exclude='./usr/share/man*'
done
cd "$folder"
rm -rf "$apt"

# The loader of its own C library, so that nothing of this machine's is used.
libraries=$(dirname "$(find "$folder/tree/usr/lib" -name 'libgromacs.so.*' -type f)")
loader=$(find "$libraries" -name 'ld-linux*')
cat >gmx.new <<EOF
#!/bin/sh
export GMXLIB='$folder/tree/usr/share/gromacs/top'
exec '$loader' --argv0 '$folder/tree/usr/bin/gmx' \\
    --library-path '$libraries:$libraries/blas:$libraries/lapack' \\
    '$folder/tree/usr/bin/gmx' "\$@"
EOF
chmod +x gmx.new
./gmx.new --version >/dev/null 2>&1 || { echo "$folder/gmx.new does not run" >&2; exit 4; }
mv gmx.new gmx
