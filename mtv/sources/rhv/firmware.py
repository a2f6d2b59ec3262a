"""NVRAM and TPM contents: kept in the project, apart from the inventory.

The API gives them with the OVF of a snapshot (engine 4.4.6.4 and later), and in no other way. mtv
never makes a snapshot for it: a VM without one has nothing here. The contents are secrets (a TPM
holds disk keys): a file of their own for each VM, 0600 from its first byte, in a directory 0700.
"""

import os
import re
from pathlib import Path
from typing import Any

import msgspec

from mtv import markup
from mtv.errors import SourceError
from mtv.sources.rhv.engine import Engine
from mtv.sources.rhv.ovf import external_data
from mtv.sources.rhv.read import Answers
from mtv.sources.rhv.values import each, moment, word
from mtv.sources.rhv.vms import is_ours

_ID = re.compile(r"[0-9a-fA-F-]{1,64}\Z")
"""What an engine's ids look like: nothing else becomes part of a path."""


def keep_firmware(engine: Engine, answers: Answers, private: Path | None) -> None:
    """Writes a file for each VM that needs one and has it; notes the files in ``answers``.

    One request for each VM with secure boot or a TPM that already has a snapshot.
    """
    if private is None:
        return
    clusters = {cluster.id: cluster for cluster in answers.of("clusters")}
    for vm in answers.of("vms"):
        if not is_ours(vm) or not _has_state(vm, clusters) or not _regular(vm.snapshots):
            continue
        try:
            contents = _contents(engine, vm)
            if contents:
                answers.firmware[vm.id] = _write(private, vm.id, contents)
        except SourceError as problem:
            answers.unreadable.append(f"NVRAM and TPM of {vm.name}: {problem.message}")
        except OSError as problem:
            raise SourceError(
                f"{problem.filename or private} cannot be written: {problem.strerror}",
                "mtv keeps NVRAM and TPM data in there; look at its permissions and at the disk",
            ) from problem


def _has_state(vm: Any, clusters: dict[str, Any]) -> bool:
    bios = word(vm.bios.type) if vm.bios is not None else None
    if bios in (None, "cluster_default"):
        cluster = clusters.get(vm.cluster.id) if vm.cluster is not None else None
        bios = word(cluster.bios_type) if cluster is not None else None
    return bool(vm.tpm_enabled) or bios == "q35_secure_boot"


def _regular(snapshots: Any) -> list[Any]:
    found = [one for one in each(snapshots) if word(one.snapshot_type) == "regular"]
    return sorted(found, key=lambda one: moment(one.date) or "")


def _contents(engine: Engine, vm: Any) -> dict[str, str]:
    """Contents by kind, from the latest snapshot that has some."""
    snapshots = engine.list(f"vms/{vm.id}/snapshots", all_content="true")
    for snapshot in reversed(_regular(snapshots)):
        first = snapshot.initialization
        told = first.configuration if first is not None else None
        if told is None or not told.data:
            continue
        what = f"the OVF of a snapshot of {vm.name}"
        found = external_data(markup.parse(told.data.encode(), what))
        if found:
            return {"vm": vm.id, "snapshot": snapshot.id, **found}
    return {}


def _write(private: Path, vm: str, contents: dict[str, str]) -> str:
    """The file, written whole or not at all; its path as the inventory names it."""
    if not _ID.match(vm):
        raise SourceError(f"{vm!r} is no id of an engine's")
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    private.chmod(0o700)
    path = private / f"{vm}.json"
    draft = private / f".{vm}.json.{os.getpid()}"
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(contents))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return "/".join(path.parts[-3:])
