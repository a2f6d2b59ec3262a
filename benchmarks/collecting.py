"""How long collecting from a vCenter takes, beside a Go client that fetches the same properties.

    .venv/bin/python -m benchmarks.collecting [VMS ...]      (1000 10000)

Starts the test vCenter with so many VMs (13 devices each, guest, files, every tenth tagged) and
takes turns, each in a process of its own: mtv's collection without performance; govmomi
(``govc_bulk``) fetching the same properties of the same objects in pages of the same size; and, for
a sample of VMs, one call for each property, as attribute access of an SDK does. Wall time here is
mostly the simulator computing its answers; what says something about mtv is the ratio, mtv's own
CPU seconds and its memory. Ends with 1 when a promise is not kept.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from mtv.model.collection import CollectOptions
from mtv.model.disk import TlsTrust
from mtv.tasks import Connection, SecretRef
from tests.real.vcenter import VCenter, start_vcenter
from tests.real.wide_vsphere.labels import Rest

RATIO, MEMORY_MIB, GROWTH = 1.3, 250, 12.0
"""Wall time against govmomi's; peak memory; ten times as many VMs take at most that much longer."""

ENVIRONMENT = "MTV_BENCH_PASSWORD"
"""Variable with the vCenter's password."""

SAMPLE = 20
TURNS = 3


def connection(url: str, username: str, fingerprint: str) -> Connection:
    """How mtv reaches the vCenter; the password is in the environment."""
    return Connection(
        name="vc1",
        kind="vsphere",
        url=url,
        username=username,
        password=SecretRef(env=ENVIRONMENT),
        tls=TlsTrust(fingerprint=fingerprint),
    )


def collect(arguments: list[str]) -> dict[str, Any]:
    """mtv's collection; run in a process of its own."""
    from mtv.sources import open_source

    began = time.perf_counter()
    with closing(open_source(connection(*arguments))) as source:
        inventory = source.collect(lambda _: None, CollectOptions(window_days=0))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": time.perf_counter() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "mib": used.ru_maxrss / 1024,
        "vms": len(inventory.vms),
        "devices": sum(len(vm.devices) + len(vm.disks) + len(vm.nics) for vm in inventory.vms),
        "tagged": sum(bool(vm.tags) for vm in inventory.vms),
        "unreadable": len(inventory.unreadable),
    }


def naively(arguments: list[str]) -> dict[str, Any]:
    """One call for each property of a sample of VMs."""
    from pyVmomi import vim

    from mtv.sources.vsphere.paths import paths_of
    from mtv.sources.vsphere.properties import read_one
    from mtv.sources.vsphere.session import Session

    session = Session(connection(*arguments))
    view = session.content.viewManager.CreateContainerView(
        session.content.rootFolder, [vim.VirtualMachine], True
    )
    sample = read_one(session, view, ["view"])["view"][:SAMPLE]
    paths = paths_of("vim.VirtualMachine", session.version)
    began = time.perf_counter()
    for ref in sample:
        for path in paths:
            read_one(session, session.object(vim.VirtualMachine, ref), [path])
    seconds = time.perf_counter() - began
    session.close()
    return {"seconds_a_vm": seconds / len(sample), "calls_a_vm": len(paths)}


def sets(version: str) -> list[dict[str, list[str]]]:
    """The properties that mtv asks for, by the type's name in the API."""
    from pyVmomi import VmomiSupport

    from mtv.sources.vsphere.paths import SURROUNDINGS, wanted

    return [
        {VmomiSupport.GetWsdlName(kind): paths for kind, paths in wanted(kinds, version).items()}
        for kinds in (SURROUNDINGS, ("vim.VirtualMachine",))
    ]


def govmomi_program(directory: Path) -> Path:
    """Builds govc_bulk."""
    source = shutil.copytree(Path(__file__).parent / "govc_bulk", directory / "govc_bulk")
    program = directory / "govc-bulk"
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
    subprocess.run(["go", "build", "-o", program, "."], cwd=source, env=environment, check=True)
    return program


def with_govmomi(program: Path, vcenter: VCenter) -> dict[str, Any]:
    """The same properties, fetched by govmomi."""
    task = {
        "url": vcenter.url,
        "ca": str(vcenter.certificate),
        "version": "8.0.3.0",
        "page": 250,
        "sets": sets("vim.version.v8_0_3_0"),
    }
    environment = {
        **os.environ,
        "GOVC_USERNAME": vcenter.username,
        "GOVC_PASSWORD": vcenter.password,
    }
    ended = subprocess.run(
        [program],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def apart(what: str, vcenter: VCenter) -> dict[str, Any]:
    """Runs one of the functions above in a process of its own."""
    arguments = [what, vcenter.url, vcenter.username, vcenter.fingerprint]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.collecting", *arguments],
        env={**os.environ, ENVIRONMENT: vcenter.password},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def add_tags(vcenter: VCenter) -> None:
    """Tags every tenth VM."""
    from pyVmomi import vim

    from tests.real.small_estate import connected

    with connected(vcenter) as service:
        content = service.RetrieveContent()
        view = content.viewManager.CreateContainerView(
            content.rootFolder, [vim.VirtualMachine], True
        )
        ids = sorted(vm._moId for vm in view.view)
    with Rest(vcenter) as rest:
        category = {"name": "tier", "description": "", "cardinality": "MULTIPLE"}
        made = rest.post(
            "/com/vmware/cis/tagging/category",
            {"create_spec": {**category, "associable_types": []}},
        )
        tag = rest.post(
            "/com/vmware/cis/tagging/tag",
            {"create_spec": {"name": "gold", "description": "", "category_id": made}},
        )
        for id_ in ids[::10]:
            rest.post(
                f"/com/vmware/cis/tagging/tag-association/id:{tag}?~action=attach",
                {"object_id": {"type": "VirtualMachine", "id": id_}},
            )


def measure(count: int, program: Path, directory: Path) -> tuple[float, bool]:
    """Prints one size's figures; gives mtv's seconds and whether the promises are kept."""
    model = ("-cluster", "4", "-host", "4", "-pg", "8", "-ds", "1", "-standalone-host", "0")
    extra = (*model, "-vm", str(count // 4))
    began = time.perf_counter()
    with start_vcenter(directory / f"vcenter-{count}", extra_args=extra) as vcenter:
        print(f"{count} VMs: the vCenter stands after {time.perf_counter() - began:.0f} s")
        add_tags(vcenter)
        turns = [(apart("collect", vcenter), with_govmomi(program, vcenter)) for _ in range(TURNS)]
        naive = apart("naively", vcenter)
    ours = min((mine for mine, _ in turns), key=lambda each: each["seconds"])
    theirs = min(other["seconds"] for _, other in turns)
    mine = ours["seconds"]
    memory = max(each["mib"] for each, _ in turns)
    print(f"  mtv      {mine:7.1f} s wall  {ours['cpu']:6.1f} s CPU  {memory:4.0f} MiB at most")
    print(f"           {ours['vms']} VMs, {ours['devices']} devices, {ours['tagged']} tagged")
    print(f"  govmomi  {theirs:7.1f} s wall   ratio {mine / theirs:.2f}")
    whole = naive["seconds_a_vm"] * count
    print(
        f"  one call for each of {naive['calls_a_vm']} properties: {whole:.0f} s (of {SAMPLE} VMs)"
    )
    return mine, mine / theirs <= RATIO and memory <= MEMORY_MIB


def main() -> None:
    sizes = [int(each) for each in sys.argv[1:]] or [1000, 10000]
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{os.cpu_count()} CPUs, load {load}; the best of {TURNS} turns")
    with tempfile.TemporaryDirectory(prefix="mtv-bench-") as directory:
        program = govmomi_program(Path(directory))
        results = [measure(size, program, Path(directory)) for size in sizes]
    kept = all(each for _, each in results)
    if len(sizes) == 2 and sizes[1] == 10 * sizes[0]:
        growth = results[1][0] / results[0][0]
        print(f"ten times as many VMs take {growth:.1f} times as long")
        kept = kept and growth <= GROWTH
    promises = f"ratio {RATIO}, {MEMORY_MIB} MiB, {GROWTH:.0f} times as long"
    print(f"{promises}: {'kept' if kept else 'NOT KEPT'}")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["collect"]:
        print(json.dumps(collect(sys.argv[2:])))
    elif sys.argv[1:2] == ["naively"]:
        print(json.dumps(naively(sys.argv[2:])))
    else:
        main()
