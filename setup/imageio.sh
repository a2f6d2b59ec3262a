#!/usr/bin/env bash
# Puts ovirt-imageio into the cache, in a Python environment of its own: the daemon that gives disks of
# RHV, which the tests start as a program. It is GPL, so it never comes into mtv's own environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sources=tests/real/imageio
. setup/python.sh
# The same text as in tests/real/imageio/__init__.py.
key=$(sha256sum <$sources/packages.txt | cut -c1-12)
target=${XDG_CACHE_HOME:-$HOME/.cache}/mtv/imageio-$key
if [ -x "$target/bin/ovirt-imageio" ] && [ -f "$target/made" ] && "$target/bin/python" -c ''; then
    echo "imageio: nothing to do"
    exit 0
fi
echo "imageio: installing"
mkdir -p "$(dirname "$target")"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Made where it is to stay: an environment's programs know its place. `made` says that it is whole.
if ! { "$PYTHON" -m venv --clear "$target" &&
    "$target/bin/python" -m pip install -q --no-deps --no-binary ovirt-imageio --require-hashes \
        -r $sources/packages.txt; } >"$log" 2>&1; then
    echo "imageio: it cannot be installed (it is built with gcc and Python's headers): $(tail -n 1 "$log")" >&2
    exit 1
fi
touch "$target/made"
