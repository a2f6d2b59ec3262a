"""EVC, cluster CPU types -> CPU model."""

from mtv.model.compute import Cluster, CpuDefinition, Host
from tests.translate.whole.example import Change, Example
from tests.translate.whole.live_migration import beside

CHANGES = {
    "clusters[].cpu_baseline": Change("intel-nehalem", at="c-cpu"),
    "cpu_definitions[].name": Change("another"),
}


def enrich(example: Example) -> Example:
    """A cluster with a baseline, a VM in it, and the model that was chosen for it."""
    rhv = example.inventory.product == "rhv"
    cluster = Cluster(
        id="c-cpu",
        name="old CPUs",
        datacenter=None,
        cpu_baseline="Secure Intel Broadwell Family" if rhv else "intel-broadwell",
        version="4.7" if rhv else None,
    )
    host = Host(
        id="h-cpu",
        name="cpu.example.com",
        cluster=None,
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="",
        cpu_baseline="intel-broadwell",
        max_cpu_baseline="intel-icelake",
    )
    definition = CpuDefinition(
        name="Secure Intel Broadwell Family",
        version="4.7",
        level=12,
        model="Broadwell-noTSX",
        flags=("vmx", "spec_ctrl"),
        features=("+spec-ctrl", "+ssbd"),
        architecture="x86_64",
    )
    source = example.inventory.source
    return example.add(
        clusters=(cluster,),
        hosts=(host,),
        cpu_definitions=(definition,) if rhv else (),
        vms=(beside(example, "vm-cpu", "c-cpu"),),
    ).choose(cpu_models={f"{source}/c-cpu": "Broadwell-noTSX"})
