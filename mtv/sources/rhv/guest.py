"""What runs in a VM: what its agent reports, and what cloud-init or sysprep were told."""

import ipaddress
from typing import Any

import msgspec

from mtv.model.vm import Address, Guest, GuestNic, Initialization
from mtv.sources.rhv.values import each, full_version, word

_AGENTS = ("qemu-guest-agent", "ovirt-guest-agent", "rhevm-guest-agent", "rhv-guest-agent")


def guest_of(vm: Any) -> Guest | None:
    """What the agent reports; None where there is nothing."""
    system = vm.guest_operating_system
    nics = tuple(_nic(device, vm) for device in each(vm.reported_devices))
    applications = tuple(
        sorted(name for one in each(vm.applications) if (name := one.name or one.id))
    )
    agent = next((one for one in applications if one.lower().startswith(_AGENTS)), "")
    agent_kind = next((one for one in _AGENTS if agent.lower().startswith(one)), None)
    found = Guest(
        hostname=vm.fqdn or None,
        family=system.family if system is not None else None,
        id=system.distribution if system is not None else None,
        name=_name(system),
        kernel=full_version(system.kernel.version) if _has(system, "kernel") else None,
        time_zone=vm.guest_time_zone.name if vm.guest_time_zone is not None else None,
        address=_primary(nics),
        nics=nics,
        applications=applications,
        agent_kind=agent_kind,
        agent_version=agent[len(agent_kind) :].lstrip("-") or None if agent_kind else None,
    )
    return None if found == Guest() else found


def _has(system: Any, part: str) -> bool:
    return system is not None and getattr(system, part) is not None


def _name(system: Any) -> str | None:
    """``Red Hat Enterprise Linux 9.3 (Plow)``."""
    if system is None or not system.distribution:
        return None
    version = full_version(system.version)
    parts = [system.distribution, version, f"({system.codename})" if system.codename else None]
    return " ".join(part for part in parts if part)


def _nic(device: Any, vm: Any) -> GuestNic:
    mac = device.mac.address if device.mac is not None else None
    card = next(
        (nic for nic in each(vm.nics) if mac and nic.mac is not None and nic.mac.address == mac),
        None,
    )
    return GuestNic(
        mac=mac,
        name=device.name,
        nic=card.id if card is not None else None,
        addresses=tuple(Address(address=ip.address) for ip in each(device.ips) if ip.address),
    )


def _primary(nics: tuple[GuestNic, ...]) -> str | None:
    """The first address that other machines can reach."""
    for nic in nics:
        for known in nic.addresses:
            try:
                if not ipaddress.ip_address(known.address.partition("%")[0]).is_link_local:
                    return known.address
            except ValueError:
                continue
    return None


def initialization_of(vm: Any) -> Initialization | None:
    """Left-overs of cloud-init or sysprep: never a script, a password or a licence key."""
    told = vm.initialization
    if told is None:
        return None
    windows = (vm.os.type if vm.os is not None else None) or ""
    keys = (told.authorized_ssh_keys or "").splitlines()
    found = Initialization(
        hostname=told.host_name or None,
        user=told.user_name or None,
        time_zone=told.timezone or None,
        dns_servers=tuple((told.dns_servers or "").split()),
        dns_search=tuple((told.dns_search or "").split()),
        nics=tuple(_configured(one) for one in each(told.nic_configurations)),
        authorized_keys=tuple(key.strip() for key in keys if key.strip()),
        has_script=True if told.custom_script else None,
        has_password=True if told.root_password else None,
    )
    if found == Initialization():
        return None
    kind = "sysprep" if windows.startswith("windows") else "cloud-init"
    return msgspec.structs.replace(found, kind=kind)


def _configured(nic: Any) -> GuestNic:
    """A NIC as cloud-init was told to set it up."""
    addresses = []
    for ip, protocol in ((nic.ip, nic.boot_protocol), (nic.ipv6, nic.ipv6_boot_protocol)):
        origin = word(protocol)
        if ip is not None and ip.address:
            addresses.append(Address(address=ip.address, origin=origin))
    return GuestNic(name=nic.name, connected=nic.on_boot, addresses=tuple(addresses))
