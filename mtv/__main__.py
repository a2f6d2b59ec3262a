"""``python -m mtv`` is the same as ``mtv``: executors start workers this way."""

from mtv.cli.main import main

main()
