"""Fixtures of the real parts."""

import pytest

from tests.real.guests import GuestImages, guest_images
from tests.real.parts import PartMissing, require


@pytest.fixture(scope="session")
def images() -> GuestImages:
    """The built guest images."""
    try:
        return guest_images()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise
