"""Names of claims and volumes, in Forklift's templates.

A claim of ours is called ``<vm>-disk-<key>``, or as ``mapping.yaml`` says. Forklift's templates
know neither our keys nor RHV's disks in all versions: for vSphere the file of a disk tells which
one it is.
"""

import re

from mtv.estate import PlacedVm
from mtv.model.vm import Disk
from mtv.names import label, short_digest
from mtv.naming import Naming

LONGEST = 46
"""Longest name of a claim: Forklift makes names of other objects from it."""

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()-]*\.vmdk")
"""Files whose names can stand in a template as they are."""

_DELTA = re.compile(r"-\d{6}\.vmdk\Z")
"""The file of a snapshot; which of its files a template sees depends on how it is moved."""


def claim_template(naming: Naming, placed: PlacedVm) -> str | None:
    """The template that calls every claim of a VM as mtv does; None where none can."""
    if placed.inventory.product != "vsphere" or not placed.vm.disks:
        return None
    names = [naming.claim(placed, disk) for disk in placed.vm.disks]
    if max(map(len, names)) > LONGEST:
        return None
    *others, last = names
    if not others:
        return last
    files = [_file(disk) for disk in placed.vm.disks]
    if None in files or len(set(files)) < len(files):
        return None
    cases = [
        f'{"else " if number else ""}if eq .FileName "{file}"'
        for number, file in enumerate(files[:-1])
    ]
    made = "".join(f"{{{{{case}}}}}{name}" for case, name in zip(cases, others, strict=True))
    return f"{made}{{{{else}}}}{last}{{{{end}}}}"


def other_claim_template(placed: PlacedVm, vm_name: str) -> str:
    """A template whose names no other VM has, for a plan that takes names as they are."""
    start = label(vm_name[:20])
    return f"{start}-{short_digest(placed.ref)}-disk-{{{{.DiskIndex}}}}"


def volume_template(naming: Naming, placed: PlacedVm) -> str | None:
    """The template that calls volumes as mtv does, where claims are called so; None where what a
    claim is called does not tell."""
    start = f"{naming.vms[placed.ref]}-"
    for disk in placed.vm.disks:
        if naming.claim(placed, disk) != start + naming.volume(placed, disk):
            return None
    return f'{{{{trimPrefix "{start}" .PVCName}}}}'


def _file(disk: Disk) -> str | None:
    """The file of a disk as a template sees it: without datastore and folder."""
    name = re.split(r"[/\\]", disk.path.partition("] ")[2] or disk.path)[-1]
    return name if _FILE.fullmatch(name) and not _DELTA.search(name) else None
