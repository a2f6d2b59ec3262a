#!/usr/bin/env bash
# Builds the admission of KubeVirt, once for each version of OpenShift that mtv knows, into the cache:
# tests/real/kubevirt/main.go as a command inside of KubeVirt's own module (tests/real/kubevirt/versions.txt).
# Each takes three minutes of a processor, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sources=$PWD/tests/real/kubevirt
# The same files in the same order as in tests/real/kubevirt/__init__.py.
key=$(cat $sources/main.go $sources/go.sum $sources/versions.txt | sha256sum | cut -c1-12)
target=${XDG_CACHE_HOME:-$HOME/.cache}/mtv/kubevirt-$key

missing=()
while read -r openshift version; do
    [ -x "$target/$openshift" ] || missing+=("$openshift $version")
done <"$sources/versions.txt"
if [ ${#missing[@]} -eq 0 ]; then
    echo "kubevirt: nothing to do"
    exit 0
fi

. setup/go.sh
mkdir -p "$target"
work=$(mktemp -d "$target.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
# What is fetched is held to go.sum: our lines for KubeVirt's three modules, KubeVirt's own for the rest.
# -mod=mod, for its go.mod is made for its workspace; a sum that go adds is one that nobody has looked at.
export GOFLAGS=-mod=mod GONOSUMDB='*' CGO_ENABLED=0

for each in "${missing[@]}"; do
    read -r openshift version <<<"$each"
    echo "kubevirt: building the admission of $version, for OpenShift $openshift"
    fetch=$work/fetch-$openshift
    module=$work/$openshift
    mkdir "$fetch"
    printf 'module fetch\n\ngo 1.24\n\nrequire kubevirt.io/kubevirt v%s\n' "$version" >"$fetch/go.mod"
    cp "$sources/go.sum" "$fetch"
    if ! (cd "$fetch" && "$go" mod download -json kubevirt.io/kubevirt) >"$fetch/found" 2>"$fetch/log"; then
        echo "kubevirt: $version cannot be fetched from the Go module proxy: $(tail -n 1 "$fetch/log")" >&2
        exit 1
    fi
    cp -r "$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' "$fetch/found")" "$module"
    chmod -R u+w "$module"
    # Its workspace and what go.mod replaces by folders of it are not in the module: they are published
    # as modules of their own, at the same version.
    rm -f "$module/go.work" "$module/go.work.sum"
    sed -i -e '/golang\/glog => \.\//d' \
        -e "s|^\(.*\) => \./staging/src/\(kubevirt\.io/[a-z-]*\)$|\1 => \2 v$version|" "$module/go.mod"
    cat "$sources/go.sum" >>"$module/go.sum"
    sort -u "$module/go.sum" >"$fetch/known"
    mkdir "$module/cmd/mtv-admission"
    cp "$sources/main.go" "$module/cmd/mtv-admission"
    # -trimpath: else nothing is found in Go's cache again, since the directory is a new one each time.
    (cd "$module" && "$go" build -trimpath -ldflags='-s -w' -o "$work/built" ./cmd/mtv-admission)
    if sort -u "$module/go.sum" | comm -13 "$fetch/known" - | grep -q .; then
        echo "kubevirt: $version needs modules that no go.sum names" >&2
        exit 1
    fi
    mv "$work/built" "$target/$openshift"
    chmod -R u+w "$module" && rm -rf "$module"
done
