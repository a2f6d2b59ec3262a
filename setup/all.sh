#!/usr/bin/env bash
# Sets up what the demo or the tests need, then runs them: all.sh demo|test [ARGUMENTS]
# Ends with a table of the time each part took, and with the exit code of the last part.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

purpose=${1:?demo or test}
shift
table=
code=0

# part NAME COMMAND...: runs COMMAND, unless a part before it failed, and notes its time.
part() {
    local name=$1 began=$EPOCHREALTIME
    shift
    [ $code -eq 0 ] || return 0
    "$@" || code=$?
    table+=$(awk -v n="$name" -v a="$began" -v b="$EPOCHREALTIME" -v c=$code \
        'BEGIN { printf "%-10s %8.1f s%s", n, b - a, c ? "  failed" : "" }')$'\n'
}

# optional NAME COMMAND...: a part that the rest does without where it cannot be had, but not in CI.
optional() {
    [ $code -eq 0 ] || return 0
    part "$@"
    if [ $code -ne 0 ] && [ "${CI:-}" != true ]; then
        echo "$1 cannot be built here; going on without it" >&2
        code=0
    fi
}

part packages setup/packages.sh "$purpose"
part venv setup/venv.sh
optional vcsim setup/vcsim.sh
part guests setup/guests.sh
[ "$purpose" = demo ] || optional schemas setup/schemas.sh
optional imageio setup/imageio.sh
[ "$purpose" = demo ] || optional kubevirt setup/kubevirt.sh
case $purpose in
    demo) part demo .venv/bin/python -m demo "$@" ;;
    # Three at a time, a file to each: guests of one processor, and much waiting for time to pass. In
    # the order of their names, since files of few tests are the longest ones: none is left alone.
    test) part tests .venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder "$@" ;;
esac

printf '\n%s' "$table"
exit $code
