"""Numbers, bytes and seconds as a person reads them, and as Kubernetes writes them."""

_UNITS = (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))

_FACTORS = {"": 1, **{word.removesuffix("B"): factor for word, factor in _UNITS}}


def counted(number: int, word: str) -> str:
    """``1 VM``, ``2 VMs``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def size(count: int) -> str:
    """A number of bytes: ``1.5 GiB``."""
    for word, factor in _UNITS:
        if count >= factor:
            return f"{count / factor:.1f} {word}"
    return f"{count} bytes"


def in_bytes(quantity: str) -> int:
    """The number that a quantity of Kubernetes in binary units stands for: ``1536Mi``.

    Raises ValueError for any other text.
    """
    number = quantity.rstrip("KMGTi")
    factor = _FACTORS.get(quantity[len(number) :])
    if factor is None or not number.isdecimal():
        raise ValueError(f"{quantity!r} is no quantity in binary units")
    return int(number) * factor


def duration(seconds: float | None) -> str:
    """A time: ``8.4 s``, ``3 min 07 s``, ``1 h 05 min``; a dash where it is unknown."""
    if seconds is None:
        return "–"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
