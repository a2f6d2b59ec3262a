"""The functions that Kubernetes adds to CEL, as far as rules of our kinds call them.

CEL calls ``x.f(a)`` as ``f(x, a)``, so that one function serves all types that have it: ``ip``
makes an address of a text and takes the address out of a network. Both are maps here.
"""

import ipaddress
from collections.abc import Callable
from typing import Any

import cel
from cel import stdlib

from tests.validation import names

NATIVE = frozenset(
    {"all", "exists", "exists_one", "filter", "has", "map"}
    | {"bool", "contains", "double", "endsWith", "int", "matches", "size", "startsWith"}
    | {"string", "type", "uint", "hasValue"}
)
"""What the library has by itself."""

ADDED = frozenset({"split", "indexOf", "lowerAscii", "upperAscii", "trim", "join", "substring"})
"""What its own additions have that Kubernetes has too."""

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parsed_ip(text: Any) -> IP | None:
    """An address; None for what Kubernetes takes for none: IPv4 in IPv6, zones."""
    if not isinstance(text, str) or "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped
    return None if mapped else address


def parsed_cidr(text: Any) -> tuple[IP, int] | None:
    """Address and length of the prefix of ``10.0.0.1/8``; None when it is not written like that."""
    address, slash, length = text.partition("/") if isinstance(text, str) else ("", "", "")
    parsed = parsed_ip(address)
    if parsed is None or not slash or not length.isdecimal() or str(int(length)) != length:
        return None
    return (parsed, int(length)) if int(length) <= parsed.max_prefixlen else None


def _is_ip(text: Any) -> bool:
    return parsed_ip(text) is not None


def _is_cidr(text: Any) -> bool:
    return parsed_cidr(text) is not None


def _ip(of: Any) -> dict[str, Any]:
    if isinstance(of, dict):
        return {"address": of["network address"]}
    parsed = parsed_ip(of)
    if parsed is None:
        raise ValueError(f"{of!r} is no IP address")
    return {"address": str(parsed)}


def _cidr(text: Any) -> dict[str, Any]:
    parsed = parsed_cidr(text)
    if parsed is None:
        raise ValueError(f"{text!r} is no CIDR")
    return {"network address": str(parsed[0]), "length": parsed[1]}


def _family(of: dict[str, Any]) -> int:
    return ipaddress.ip_address(of["address"]).version


def _length(of: dict[str, Any]) -> int:
    return int(of["length"])


def _network(of: Any) -> Network:
    known = of if isinstance(of, dict) else _cidr(of)
    return ipaddress.ip_network(f"{known['network address']}/{known['length']}", strict=False)


def _masked(of: dict[str, Any]) -> dict[str, Any]:
    return {"network address": str(_network(of).network_address), "length": of["length"]}


def _contains_ip(network: dict[str, Any], address: Any) -> bool:
    known = address if isinstance(address, dict) else _ip(address)
    return ipaddress.ip_address(known["address"]) in _network(network)


def _contains_cidr(network: dict[str, Any], other: Any) -> bool:
    outer, inner = _network(network), _network(other)
    if isinstance(outer, ipaddress.IPv4Network) and isinstance(inner, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, ipaddress.IPv6Network) and isinstance(inner, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


FORMATS: dict[str, Callable[[Any], bool]] = {
    "qualifiedName": names.is_qualified,
    "labelValue": names.is_label_value,
    "dns1123Label": names.is_label,
    "dns1123Subdomain": names.is_name,
}
"""``format.NAME()`` -> what is of that format."""


def _format(name: str) -> Callable[..., dict[str, str]]:
    return lambda *_: {"format": name}


def _validate(known: dict[str, str], text: Any) -> Any:
    if FORMATS[known["format"]](text):
        return cel.OptionalValue.none()
    return cel.OptionalValue.of([f"no {known['format']}"])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "isIP": _is_ip,
    "ip": _ip,
    "family": _family,
    "isCIDR": _is_cidr,
    "cidr": _cidr,
    "masked": _masked,
    "prefixLength": _length,
    "containsIP": _contains_ip,
    "containsCIDR": _contains_cidr,
    "validate": _validate,
    **{name: _format(name) for name in FORMATS},
}


def context() -> Any:
    """A context with all of these functions; ``update`` it with the names of a rule."""
    known = cel.Context({"format": {}}, FUNCTIONS)
    stdlib.add_stdlib_to_context(known, ["strings"])
    return known


def unknown_functions(program: Any) -> list[str]:
    """Functions that a compiled rule calls and that are nowhere, be they reached or not."""
    called = {name for name in program.functions() if name[0].isalpha()}
    return sorted(called - NATIVE - ADDED - set(FUNCTIONS))
