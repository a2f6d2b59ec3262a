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

part packages setup/packages.sh "$purpose"
part venv setup/venv.sh
part vcsim setup/vcsim.sh
part guests setup/guests.sh
case $purpose in
    demo) part demo .venv/bin/python -m demo "$@" ;;
    # Two at a time, a file to each: most of the time goes by in guests of one processor.
    test) part tests .venv/bin/python -m pytest -n 2 --dist loadfile "$@" ;;
esac

printf '\n%s' "$table"
exit $code
