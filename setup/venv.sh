#!/usr/bin/env bash
# Makes .venv with mtv (editable), all its extras and the development tools.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. setup/python.sh

key=$( { cat pyproject.toml; "$PYTHON" -VV; echo "$PYTHON $PWD"; } | sha256sum | cut -c1-16)
stamp=.venv/made-for
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ] && [ -x .venv/bin/python ]; then
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
.venv/bin/python -m pip install -q -e '.[all]' --group dev
echo "$key" >"$stamp"
