"""One entry of ``services`` in ``mapping.yaml``, read and looked at by itself."""

import re
from collections.abc import Collection, Iterator
from ipaddress import ip_address, ip_network
from typing import Literal, NamedTuple

import msgspec

from mtv.model.services import IngressChoice, RouteChoice, ServiceChoice
from mtv.names import label

HIGHEST_PORT = 65535
LONGEST_LABEL, LONGEST_HOST = 63, 253

_PORT = re.compile(r"([0-9]{1,5})(?::([0-9]{1,5}))?(?:/(tcp|udp|sctp))?", re.IGNORECASE | re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
# What the API server takes for an attempt to leave the path.
_ODD_PATH = re.compile(r"//|/\.\.?(/|\Z)")

PeerKind = Literal["any", "router", "namespace", "service", "block"]


class Port(NamedTuple):
    """A port of a Service."""

    number: int
    guest: int
    """The port that the guest listens on."""
    protocol: str
    """``TCP``, ``UDP`` or ``SCTP``."""

    @property
    def name(self) -> str:
        """``tcp-443``, of which a Service has one."""
        return f"{self.protocol.lower()}-{self.number}"


class Peer(NamedTuple):
    """Who may reach a Service."""

    kind: PeerKind
    word: str = ""
    """Of a namespace or service its name, of a block its CIDR."""


class Fault(NamedTuple):
    """What is wrong, and what to write instead."""

    says: str
    remedy: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that has been read. ``faults``: nothing is made of it until they are mended."""

    name: str
    choice: ServiceChoice
    ports: tuple[Port, ...]
    peers: tuple[Peer, ...] | None
    """None: nobody is kept away."""
    faults: tuple[Fault, ...]

    def way_in(self, wanted: int | None) -> Port | None:
        """The port that a Route or Ingress leads to: that one, or the first; of TCP."""
        for port in self.ports:
            if port.protocol == "TCP" and wanted in (None, port.number):
                return port
        return None


def asked(name: str, choice: ServiceChoice, known: Collection[str]) -> Asked:
    """An entry, read; ``known``: the names of all Services that are asked for."""
    ports = tuple(port for each in choice.ports if (port := parsed_port(each)) is not None)
    peers = None
    if choice.from_ is not None:
        peers = tuple(peer for each in choice.from_ if (peer := parsed_peer(each)) is not None)
    read = Asked(name=name, choice=choice, ports=ports, peers=peers, faults=())
    return msgspec.structs.replace(read, faults=tuple(_faults(read, known)))


def parsed_port(text: int | str) -> Port | None:
    """``443``, ``80:8080`` or ``53/udp``; None for what is no port."""
    matched = _PORT.fullmatch(str(text).strip())
    if matched is None:
        return None
    number = int(matched[1])
    guest = int(matched[2] or number)
    if not (1 <= number <= HIGHEST_PORT and 1 <= guest <= HIGHEST_PORT):
        return None
    return Port(number, guest, (matched[3] or "tcp").upper())


def parsed_peer(text: str) -> Peer | None:
    """An entry of ``from``; None for what is nobody."""
    if text in ("any", "router"):
        return Peer("any" if text == "any" else "router")
    kind, colon, word = text.partition(":")
    if colon and kind in ("namespace", "service") and label(word) == word:
        return Peer("namespace" if kind == "namespace" else "service", word)
    try:
        return Peer("block", str(ip_network(text, strict=False)))
    except ValueError:
        return None


def _faults(read: Asked, known: Collection[str]) -> Iterator[Fault]:
    choice = read.choice
    if label(read.name) != read.name or not read.name[0].isalpha():
        yield Fault(
            "this cannot be a Service's name",
            "use at most 63 of a-z, 0-9 and '-'; the first a letter, the last no '-'",
        )
    if not choice.vms:
        yield Fault("it names no VMs", "write refs of VMs, folders or tags under vms")
    yield from _port_faults(read)
    if choice.route is not None:
        yield from _route_faults(read, choice.route)
    if choice.ingress is not None:
        yield from _ingress_faults(read, choice.ingress)
    if choice.from_ is not None:
        yield from _peer_faults(choice.from_, known)


def _port_faults(read: Asked) -> Iterator[Fault]:
    remedy = "write PORT, PORT:PORT_OF_THE_GUEST or PORT/udp; ports are 1 to 65535"
    if not read.choice.ports:
        yield Fault("it has no ports", remedy)
    for each in read.choice.ports:
        if parsed_port(each) is None:
            yield Fault(f"{each!r} is no port", remedy)
    names = [port.name for port in read.ports]
    for name in sorted({name for name in names if names.count(name) > 1}):
        protocol, _, number = name.partition("-")
        yield Fault(f"{number}/{protocol} is there {names.count(name)} times", "leave one of them")
    if read.choice.type == "headless":
        for port in read.ports:
            if port.number != port.guest:
                yield Fault(
                    f"a headless Service changes no ports, so {port.number}:{port.guest} leads to "
                    f"{port.number} in the guests",
                    f"write {port.guest}, or another type",
                )


def _route_faults(read: Asked, route: RouteChoice) -> Iterator[Fault]:
    if route.host is not None:
        yield from _host_faults("route", route.host)
    yield from _way_faults(read, "route", route.port, route.path)
    if route.path is not None and route.tls == "passthrough":
        yield Fault(
            "route: nobody but the guest sees a path while TLS ends in it (passthrough)",
            "take the path out, or let TLS end at the router: edge or reencrypt",
        )


def _ingress_faults(read: Asked, ingress: IngressChoice) -> Iterator[Fault]:
    yield from _host_faults("ingress", ingress.host)
    yield from _way_faults(read, "ingress", ingress.port, ingress.path)
    for key, word in (("class", ingress.class_), ("tls_secret", ingress.tls_secret)):
        if word is not None and not _is_host(word):
            yield Fault(
                f"ingress: {key}: {word!r} cannot be the name of one",
                "write the name that it has in the cluster: of a-z, 0-9, '-' and '.'",
            )


def _host_faults(where: str, host: str) -> Iterator[Fault]:
    if not _is_host(host) or _is_address(host):
        yield Fault(
            f"{where}: {host!r} is no name of a host in DNS",
            "write one such as shop.example.com: of a-z, 0-9, '-' and '.'",
        )


def _way_faults(read: Asked, where: str, port: int | None, path: str | None) -> Iterator[Fault]:
    if read.ports and read.way_in(port) is None:
        says = "there is no TCP port" if port is None else f"{port} is none of its TCP ports"
        yield Fault(f"{where}: {says}", "name one of ports; routers know TCP only")
    if path is not None and (not _PATH.fullmatch(path) or _ODD_PATH.search(path)):
        yield Fault(
            f"{where}: {path!r} is no path",
            "begin it with / and use letters, digits, '.', '_', '~' and '-' between single /",
        )


def _peer_faults(words: tuple[str, ...], known: Collection[str]) -> Iterator[Fault]:
    remedy = "write namespace:NAME, service:NAME, a network such as 10.0.0.0/8, router or any"
    if not words:
        yield Fault("from: it lets nobody in", f"{remedy}, or take from out")
    if "any" in words and len(words) > 1:
        yield Fault("from: any lets everybody in, and others are named too", "leave one of both")
    for each in words:
        peer = parsed_peer(each)
        if peer is None:
            yield Fault(f"from: {each!r} is nobody", remedy)
        elif peer.kind == "service" and peer.word not in known:
            yield Fault(
                f"from: there is no Service {peer.word} under services",
                "name one that is there, or write namespace:NAME",
            )


def _is_host(text: str) -> bool:
    """True for labels of at most 63 letters with dots between."""
    return len(text) <= LONGEST_HOST and all(
        len(part) <= LONGEST_LABEL and _LABEL.fullmatch(part) for part in text.split(".")
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
