"""What ``mapping.yaml`` asks of a VM's health (``probes``) -> readiness and liveness probes.

    agent              the guest's agent answers
    tcp:PORT           something listens on a port
    http:PORT/PATH     a page is there
    ... restart        and the VM is restarted while it fails

Nobody is given a probe unasked: a VM whose readiness probe fails gets nothing from its Services,
and one whose liveness probe fails is restarted.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import PlacedVm
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.translate.networks.vm_networks import Networks
from mtv.translate.part import Manifest, VmPart
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

AGENT = "qemu-guest-agent"
SHOWN = 20

# A guest may take five minutes to boot, and a restart that comes too early never ends.
READY = {"initialDelaySeconds": 60, "periodSeconds": 20, "timeoutSeconds": 10}
ALIVE = {"initialDelaySeconds": 600, "periodSeconds": 20, "timeoutSeconds": 10}
READY_FAILURES, ALIVE_FAILURES = 3, 15

_PROBE = re.compile(
    r"(?P<handler>agent|tcp:(?P<tcp>[0-9]{1,5})|http:(?P<http>[0-9]{1,5})(?P<path>/[!-~]*)?)"
    r"(?P<restart>\s+restart)?"
)


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """A probe that a line of ``mapping.yaml`` asks for."""

    handler: dict[str, Any]
    """The field of a probe that says what is asked: ``{"tcpSocket": {"port": 22}}``."""
    restarts: bool

    @property
    def asks_agent(self) -> bool:
        """False for one that goes over the network."""
        return "guestAgentPing" in self.handler


class Probes:
    """The probes of a site."""

    def __init__(self, site: Site, networks: Networks) -> None:
        self._site = site
        self._networks = networks
        self._lines = {
            key: probe
            for key, choice in site.mapping.probes.items()
            if choice is not None and (probe := parsed(choice)) is not None
        }

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """None: probes are part of VirtualMachines."""
        return ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Lines that are wrong, probes that cannot be, agents that are not known to run."""
        return (*self._wrong_lines(), *self._unreachable(), *self._no_agent())

    def of(self, placed: PlacedVm) -> VmPart:
        """The probes of the line that answers for a VM."""
        key = self._answering(placed)
        probe = self._lines.get(key or "")
        if probe is None or not (probe.asks_agent or self._networks.is_on_pods(placed)):
            return VmPart()
        spec = {"readinessProbe": {**probe.handler, **READY, "failureThreshold": READY_FAILURES}}
        if probe.restarts:
            alive = {**probe.handler, **ALIVE, "failureThreshold": ALIVE_FAILURES}
            spec["livenessProbe"] = alive
        return VmPart(spec=spec)

    def _answering(self, placed: PlacedVm) -> str | None:
        """The innermost line that a VM stands in, as with ``namespaces``."""
        return self._site.namespaces.innermost(placed, self._lines)

    def _asked(self) -> Iterator[tuple[str, Probe, PlacedVm]]:
        for placed in self._site.vms if self._lines else ():
            key = self._answering(placed)
            if key is not None:
                yield key, self._lines[key], placed

    def _wrong_lines(self) -> Iterator[Finding]:
        for key, choice in self._site.mapping.probes.items():
            if key not in self._site.estate.refs:
                says = "the estate has no such object"
                yield _line(key, says, "take the line out, or write the ref of a VM or its folder")
            elif choice is not None and parsed(choice) is None:
                yield _line(
                    key,
                    f"{choice!r} is no probe",
                    "write agent, tcp:PORT or http:PORT/PATH, and restart behind it if the VM "
                    "shall be restarted while it fails",
                )

    def _unreachable(self) -> Iterator[Finding]:
        """KubeVirt refuses a probe over the network of a VM that the kubelet cannot reach."""
        found = dict[str, list[str]]()
        for key, probe, placed in self._asked():
            if not probe.asks_agent and not self._networks.is_on_pods(placed):
                found.setdefault(key, []).append(placed.vm.name)
        for key, names in found.items():
            yield _line(
                key,
                f"{self._site.mapping.probes[key]} wants a card on the pod network, which these "
                f"VMs have not; they get no probe ({len(names)}): {first_of(sorted(names), SHOWN)}",
                "write agent instead, or give them a card on the network pod",
            )

    def _no_agent(self) -> Iterator[Finding]:
        """Probes that fail until someone installs the agent; with restart, over and over."""
        found = dict[bool, list[str]]()
        for _, probe, placed in self._asked():
            guest = placed.vm.guest
            if probe.asks_agent and (guest is None or guest.agent_kind != AGENT):
                found.setdefault(probe.restarts, []).append(placed.vm.name)
        for restarts, names in sorted(found.items(), reverse=True):
            fails = "are restarted again and again" if restarts else "never become ready"
            yield Finding(
                row="guest.agent",
                category=Category.WARNING,
                ref="",
                name="probes",
                says=f"nothing says that these VMs have {AGENT}; without it they {fails} "
                f"({len(names)}): {first_of(sorted(names), SHOWN)}",
                remedy=f"install {AGENT} before they start on the target, or take the lines out of "
                "probes in mapping.yaml",
            )


def parsed(choice: str) -> Probe | None:
    """What a line asks for; None for what is no probe."""
    matched = _PROBE.fullmatch(choice.strip())
    if matched is None:
        return None
    port = int(matched["tcp"] or matched["http"] or 1)
    if not 1 <= port <= 65535:
        return None
    handler: dict[str, Any] = {"guestAgentPing": {}}
    if matched["tcp"]:
        handler = {"tcpSocket": {"port": port}}
    elif matched["http"]:
        handler = {"httpGet": {"port": port, "path": matched["path"] or "/"}}
    return Probe(handler=handler, restarts=matched["restart"] is not None)


def _line(key: str, says: str, remedy: str) -> Finding:
    return Finding(
        row="network",
        category=Category.BLOCKER,
        ref=key,
        name=key,
        says=f"mapping.yaml: probes: {key}: {says}",
        remedy=remedy,
    )
