"""Bytes and seconds are written as a person reads them."""

import pytest

from mtv.quantities import duration, in_bytes, size


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1 << 20, "1.0 MiB"),
        (1536 << 20, "1.5 GiB"),
        (5 << 40, "5.0 TiB"),
    ],
)
def test_a_size_has_the_unit_that_fits(count: int, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (0.0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (187.2, "3 min 07 s"),
        (3599.6, "1 h 00 min"),
        (90061.0, "25 h 01 min"),
    ],
)
def test_a_time_has_the_unit_that_fits(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("quantity", "count"),
    [("0", 0), ("7", 7), ("2Ki", 2048), ("1536Mi", 1536 << 20), ("4Ti", 4 << 40)],
)
def test_a_quantity_of_kubernetes_is_a_number(quantity: str, count: int) -> None:
    assert in_bytes(quantity) == count


@pytest.mark.parametrize("text", ["", "Gi", "1.5Gi", "4GiB", "4G", "4 Gi", "x"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        in_bytes(text)
