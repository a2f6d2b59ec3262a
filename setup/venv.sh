#!/usr/bin/env bash
# Makes .venv with mtv (editable), all its extras and the development tools: venv.sh [--newest]
# In the versions of setup/versions.txt, so that a release of somebody else's cannot fail a test of
# ours. --newest takes the newest there are instead, and writes those down.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. setup/python.sh

versions=setup/versions.txt
newest=
[ "${1:-}" != --newest ] || newest=yes
key=$( { cat pyproject.toml "$versions"; "$PYTHON" -VV; echo "$PYTHON $PWD"; } | sha256sum | cut -c1-16)
stamp=.venv/made-for
if [ -z "$newest" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ] && [ -x .venv/bin/python ]; then
    echo "venv: nothing to do"
    exit 0
fi
echo "venv: installing into .venv with $("$PYTHON" -V)"
rm -f "$stamp"
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null ||
    [ "$(.venv/bin/python -V)" != "$("$PYTHON" -V)" ]; then
    "$PYTHON" -m venv --clear .venv
fi
# --group (PEP 735) needs pip 25.1.
.venv/bin/python -m pip install -q --upgrade 'pip>=25.1'
if [ -n "$newest" ]; then
    .venv/bin/python -m pip install -q --upgrade --upgrade-strategy eager -e '.[all]' --group dev
    .venv/bin/python -m pip freeze --exclude-editable >"$versions"
    exec "$0"
fi
.venv/bin/python -m pip install -q -c "$versions" -e '.[all]' --group dev
echo "$key" >"$stamp"
