"""What becomes of a test whose real part is missing on this machine."""

import os

import pytest


class PartMissing(RuntimeError):
    """A real part is not on this machine; the text names it and says how to get it."""

    def __init__(self, part: str, remedy: str) -> None:
        super().__init__(f"{part} is missing: {remedy}")
        self.part = part
        self.remedy = remedy


def require(part: str, found: bool, remedy: str) -> None:
    """Skip the running test (or module) when a real part is missing, and fail it in CI.

    CI must not pass by skipping what it was made to prove.
    """
    if found:
        return
    text = str(PartMissing(part, remedy))
    if os.environ.get("CI") == "true":
        pytest.fail(text, pytrace=False)
    pytest.skip(text, allow_module_level=True)
