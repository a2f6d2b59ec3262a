#!/usr/bin/env bash
# Builds the test vCenter into the cache: govmomi's simulator with files of ours inside its packages
# (tests/real/vcsim). The copy of govmomi that this takes is made, built and thrown away here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sources=tests/real/vcsim
# The same files in the same order as in tests/real/vcenter.py.
files=$(cd $sources && find . -type f \( -name '*.go' -o -name '*.json' -o -name go.mod -o -name go.sum \
    -o -name overrides \) | LC_ALL=C sort)
key=$(cd $sources && cat $files | sha256sum | cut -c1-12)
target=${XDG_CACHE_HOME:-$HOME/.cache}/mtv/vcsim-$key
if [ -x "$target/vcsim" ]; then
    echo "vcsim: nothing to do"
    exit 0
fi

. setup/go.sh
echo "vcsim: building"
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cp $sources/*.go $sources/go.mod $sources/go.sum "$work"
if ! (cd "$work" && "$go" mod vendor) 2>"$work/vendor.log"; then
    echo "vcsim: govmomi cannot be fetched from the Go module proxy: $(tail -n 1 "$work/vendor.log")" >&2
    exit 1
fi
chmod -R u+w "$work/vendor"
govmomi=$work/vendor/github.com/vmware/govmomi

# Each function named in `overrides` becomes stockName, and a file of ours has its place.
while read -r package function; do
    case $package in '' | '#'*) continue ;; esac
    name=${function##*.}
    receiver=
    if [ "$name" != "$function" ]; then
        receiver="(\([a-z]* \)\?\*\?${function%.*}) "
    fi
    mapfile -t found < <(grep -l "^func $receiver$name(" "$govmomi/$package"/*.go)
    if [ ${#found[@]} -ne 1 ]; then
        echo "vcsim: govmomi's $package has no single function $function any more" >&2
        exit 1
    fi
    sed -i "s/^\(func $receiver\)$name(/\1stock${name^}(/" "${found[0]}"
done <$sources/overrides
cp $sources/simulator/* "$govmomi/simulator"
cp $sources/pbm/* "$govmomi/pbm/simulator"
cp $sources/vapi/* "$govmomi/vapi/simulator"
cp $sources/vim25xml/* "$govmomi/vim25/xml"

# -trimpath: else nothing is found in Go's cache again, since the directory is a new one each time.
(cd "$work" && "$go" build -mod=vendor -tags vendored -trimpath -ldflags='-s -w' -o "$work/vcsim" .)
mkdir -p "$target"
mv "$work/vcsim" "$target/vcsim"
