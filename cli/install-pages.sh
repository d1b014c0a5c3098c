#!/bin/sh
# Installs the man page of autosim and of each command, and the completions of bash, zsh
# and fish. Run by `meson install`: install-pages.sh AUTOSIM MANDIR DATADIR
set -eu
autosim=$1 prefix=$MESON_INSTALL_DESTDIR_PREFIX
under_prefix() {
    case $1 in
    /*) echo "${DESTDIR:-}$1" ;;
    *) echo "$prefix/$1" ;;
    esac
}
man=$(under_prefix "$2")/man1 data=$(under_prefix "$3")

mkdir -p "$man" "$data/bash-completion/completions" "$data/zsh/site-functions" \
    "$data/fish/vendor_completions.d"
"$autosim" help --man >"$man/autosim.1"
for command in $("$autosim" help | sed -n '/^Commands/,/^$/s/^  \([^ ]*\) .*/\1/p'); do
    "$autosim" help "$command" --man >"$man/autosim-$command.1"
done
"$autosim" completion bash >"$data/bash-completion/completions/autosim"
"$autosim" completion zsh >"$data/zsh/site-functions/_autosim"
"$autosim" completion fish >"$data/fish/vendor_completions.d/autosim.fish"
