# Sourced by the scripts that need root for one command.

# as_root WHY COMMAND...: runs COMMAND as root; asks sudo for it, saying why, when we are not root.
as_root() {
    local why=$1
    shift
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        echo "Root is needed $why: sudo $1 ..." >&2
        sudo "$@"
    else
        echo "Root is needed $why, and there is no sudo here. Run this script as root." >&2
        return 1
    fi
}
