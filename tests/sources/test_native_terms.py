"""Properties without a field have rows too: each that the SDKs know, by its own path."""

import re
from collections import defaultdict

import pytest

from mtv.mappings import term_rows
from mtv.model.ledger import Outcome
from mtv.translate.ledger import rows_of
from tests.sources.test_rhv_completeness import KINDS, TABLE, left_out, paths
from tests.sources.vsphere_types import NATIVE, kinds, leaves, roots

_LABELS = re.compile(r"\[[^\]]*\]")

OWN = re.compile(r"(?P<native>.*\.native)\{(?P<key>.+)\}\Z")


def vsphere() -> dict[str, set[str]]:
    """Path of a ``native`` -> the source's paths that can stand in it."""
    found = defaultdict[str, set[str]](set)
    for root in roots():
        for leaf in leaves(root):
            if leaf.becomes == NATIVE:
                found[f"{kinds()[leaf.kind].becomes}.native"].add(leaf.path)
    return found


def rhv() -> dict[str, set[str]]:
    """The same of the engine's types."""
    found = defaultdict[str, set[str]](set)
    for kind in sorted(KINDS):
        table = TABLE.kinds[f"types.{kind}"]
        own = set(paths(kind)) - set(table.fields) - left_out(table)
        # What a disk says of itself stands beside what its attachment says.
        found[f"{table.becomes}.native"] |= {f"{PREFIXES.get(kind, '')}{path}" for path in own}
    # A bond and a VLAN are NICs to the engine.
    found["hosts[].bonds[].native"] |= found["hosts[].nics[].native"]
    found["hosts[].interfaces[].native"] |= found["hosts[].nics[].native"]
    # Disks that no VM has are not attached; devices of hosts that a VM has are listed with it.
    found["floating_disks[].native"] |= {
        path for path in found["vms[].disks[].native"] if path.startswith(PREFIXES["Disk"])
    }
    found["vms[].devices[].native"] |= found["hosts[].pci_devices[].native"]
    for native, keys in BESIDE_THE_SDK.items():
        found[native] |= keys
    return found


PREFIXES = {"Disk": "disk."}
"""Kind -> what stands before its paths."""

BESIDE_THE_SDK = {
    "migration_policies[].native": {"description", "enableGuestEvents", "stalling_limits"},
    "networks[].native": {"provider.status", "provider.tenant_id"},
    "networks[].subnets[].native": {"ip_version", "tenant_id"},
    "overlay_ports[].native": {"admin_state_up", "device_id", "name", "tenant_id"},
    "routers[].native": {"status", "tenant_id"},
    "security_groups[].native": {"tenant_id"},
}
"""What comes from the network provider and from options of the engine."""


KNOWN = {"vsphere": vsphere, "rhv": rhv}


@pytest.mark.parametrize("product", KNOWN)
def test_every_property_that_has_no_field_has_a_row(product: str) -> None:
    rows = rows_of(product)
    lacking = [
        f"{native}{{{key}}}"
        for native, keys in KNOWN[product]().items()
        for key in sorted(keys)
        if rows.row(rows.path_of(native, key)).id == "unaccounted"
    ]
    assert lacking == []


@pytest.mark.parametrize("product", KNOWN)
def test_every_row_is_about_properties_that_there_are(product: str) -> None:
    known = KNOWN[product]()
    for row in term_rows():
        for path in row.reads:
            own = OWN.match(path)
            if own is None or not row.answers_for(product):
                continue
            keys = {_LABELS.sub("", key) for key in known[own["native"]]}
            below = (own["key"], f"{own['key']}.")
            assert any(key == below[0] or key.startswith(below[1]) for key in keys), path


def test_no_row_covers_a_whole_native() -> None:
    whole = {path for row in term_rows() for path in row.reads if path.endswith(".native{}")}
    assert whole == set()


def test_the_longest_path_answers_and_labels_in_it_do_not_count() -> None:
    rows = rows_of("vsphere")
    path = rows.path_of("hosts[].native", "config.network.netStackInstance[defaultTcpipStack].name")
    assert path == "hosts[].native{config.network.netStackInstance}"
    assert rows.row(path).outcome is Outcome.IGNORED


def test_a_property_that_no_row_knows_is_reported_by_its_own_path() -> None:
    rows = rows_of("vsphere")
    path = rows.path_of("hosts[].native", "config.quantum.entangled[7].with")
    assert path == "hosts[].native{config.quantum.entangled.with}"
    assert rows.row(path).outcome is Outcome.REPORTED
