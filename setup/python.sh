# Sourced: sets PYTHON to a Python that mtv runs on, or says what is missing and fails.

PYTHON=
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && \
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        PYTHON=$(command -v "$candidate")
        break
    fi
done
if [ -z "$PYTHON" ]; then
    echo "mtv needs Python 3.11 or newer, and no such python3 is on PATH: install python3.11 or a later one." >&2
    exit 1
fi
