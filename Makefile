.PHONY: demo test lint clean

demo:
	setup/all.sh demo

test:
	setup/all.sh test

lint:
	setup/venv.sh
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# The cache (guests, test vCenter) stays: it is keyed by what it was made from.
clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
