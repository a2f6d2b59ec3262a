"""The one door to ovirtsdk4, which has no types of its own for a type checker to read."""

from typing import Any

import ovirtsdk4
import ovirtsdk4.reader
import ovirtsdk4.readers
import ovirtsdk4.types
import ovirtsdk4.writer
import ovirtsdk4.writers

types: Any = ovirtsdk4.types
Struct: Any = ovirtsdk4.Struct


def write(thing: Any) -> str:
    """The SDK's own XML of one object, without a declaration."""
    return str(ovirtsdk4.writer.Writer.write(thing))


def read(text: bytes) -> Any:
    """The object that an XML text of a request stands for."""
    return ovirtsdk4.reader.Reader.read(text.decode())


def attributes(thing: Any) -> list[str]:
    """The names of everything that an object of the SDK can hold, href aside."""
    return [name[1:] for name in vars(thing) if name.startswith("_") and name != "_href"]


def held(thing: Any) -> list[tuple[str, Any]]:
    """What an object of the SDK does hold, by name."""
    return [
        (name[1:], value)
        for name, value in vars(thing).items()
        if value is not None and name.startswith("_") and name != "_href"
    ]


def singular(kind: Any) -> str:
    """The element that one object of a type is written as: `vm`, `host_nic`."""
    return write(kind(id="x")).removeprefix("<").split(" ", 1)[0]


_plurals: dict[str, str] = {}


def plural(kind: Any) -> str:
    """The element around a list of them: `vms`, `host_nics`."""
    if not _plurals:
        for name, function in ovirtsdk4.reader.Reader._readers.items():
            owner, _, method = function.__qualname__.partition(".")
            if method == "read_many":
                _plurals[owner] = name
    return _plurals[f"{kind.__name__}Reader"]
