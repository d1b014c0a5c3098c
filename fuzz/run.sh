#!/bin/bash
# Runs fuzz targets one after the other and prints a line of a table for each.
#
#   fuzz/run.sh BUILD [-s CPU_SECONDS] [-n EXECUTIONS] [-w WORK] [TARGET...]
#
# BUILD is made by
#   CC=clang meson setup -Dfuzzing=true -Db_sanitize=address,undefined \
#       -Db_lundef=false BUILD
# A target ends when it has used CPU_SECONDS (600) and done EXECUTIONS (1000000), or at
# the first input that crashes, leaks, takes over 1 s of CPU time or more memory than
# target.c allows; that input is kept in WORK/TARGET. What libFuzzer found is kept there
# too and is where the next run starts.
set -eu

source_folder=$(cd "$(dirname "$0")" && pwd)
seconds=600 executions=1000000 work=fuzz-work
build=${1:?"usage: fuzz/run.sh BUILD [-s CPU_SECONDS] [-n EXECUTIONS] [-w WORK] [TARGET...]"}
shift
while getopts s:n:w: option; do
    case $option in
    s) seconds=$OPTARG ;;
    n) executions=$OPTARG ;;
    w) work=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ]; then
    for program in "$build"/fuzz/fuzz_*; do
        if [ -f "$program" ] && [ -x "$program" ]; then
            set -- "$@" "${program##*/fuzz_}"
        fi
    done
fi
[ $# -gt 0 ] || { echo "no fuzz target in '$build/fuzz'" >&2; exit 2; }

export AUTOSIM_FUZZ_SECONDS=$seconds AUTOSIM_FUZZ_EXECUTIONS=$executions
# An end of its own is no crash; nor is an allocation that is refused.
export ASAN_OPTIONS=allocator_may_return_null=1:handle_abort=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

failed=0
echo '| target | executions | CPU s | crashes | slowest, ms | most memory, bytes for a size, part of the limit | peak RSS, MB |'
echo '|---|---|---|---|---|---|---|'
for target; do
    folder=$work/$target
    mkdir -p "$folder/corpus"
    log=$folder/log
    TIMEFORMAT='cpu %U %S'
    # The limit of 1 s is one of CPU time and target.c's; -timeout ends endless loops,
    # and leaves room for a loaded machine. libFuzzer's exit code is 72 where target.c
    # ended the run.
    rc=0
    { time "$build/fuzz/fuzz_$target" -timeout=20 -print_final_stats=1 \
        -rss_limit_mb=2048 -artifact_prefix="$folder/" \
        "$folder/corpus" "$source_folder/corpus/$target" >"$log" 2>&1; } \
        2>"$folder/time" || rc=$?
    crashes=1
    if [ $rc -eq 72 ] && grep -q 'executions, slowest' "$log"; then
        crashes=0
    fi
    cpu=$(awk '/^cpu/ { printf "%.0f", $2 + $3 }' "$folder/time")
    awk -v target="$target" -v cpu="$cpu" -v crashes=$crashes '
        /executions, slowest/ {
            slow = $4; memory = $8; size = $14; part = $15
        }
        /number_of_executed_units/ { done = $2 }
        /peak_rss_mb/ { rss = $2 }
        END {
            printf "| %s | %d | %s | %d | %s | %s for %s, %s | %s |\n", target,
                done, cpu, crashes, slow, memory, size, part, rss
        }' "$log" | tr -d ':'
    if [ $crashes -ne 0 ]; then
        failed=1
        grep -E 'ERROR|runtime error|^memory:|^time:|Test unit written' "$log" >&2 || true
    fi
done
exit $failed
