#!/usr/bin/env bash
# Builds the guests that the demo and the tests migrate into the cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec .venv/bin/python -m tests.real.guests build
