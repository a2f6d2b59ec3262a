"""Templates, instance types, pools and preferences.

The templates have namespaces by lines of their own, so that nothing else moves them.
"""

from typing import Any

import msgspec

from mtv.model.organisation import InstanceType, VmPool
from mtv.model.vm import Vm
from tests.estates import GIB
from tests.translate.whole.example import Change, Example
from tests.translate.whole.organisation import vm

TEMPLATE = "vm-template-1"

CHANGES = {
    "vms[].is_template": Change(False, at=TEMPLATE),
    "vms[].template": Change(TEMPLATE, at="vm-template-made"),
    "vms[].template_base": Change("elsewhere", at="vm-template-2"),
    "vms[].template_version": Change(3, at="vm-template-2"),
    "vms[].instance_type": Change("Another", at="vm-template-made"),
    "vms[].vm_pool": Change("Another", at="vm-template-made"),
    "vm_pools[].template": Change("vm-template-1"),
    "vm_pools[].cluster": Change("cluster-none"),
    "instance_types[].memory_max_bytes": Change(16 * GIB, at="type-1"),
}


def enrich(example: Example) -> Example:
    """A template of its own size, one that stays, and a VM that gets an instance type."""
    source = example.inventory.source
    example = example.add(
        vms=(
            _template(example, TEMPLATE, guest_id="rhel9_64Guest", memory_bytes=4 * GIB),
            _template(example, "vm-template-stays"),
            vm(example, "vm-template-typed"),
        )
    ).offer(preferences=("rhel.9", "windows.2k22.virtio"))
    example = example.choose(
        templates={f"{source}/{TEMPLATE}": "images", f"{source}/vm-template-stays": None},
        instance_types={f"{source}/vm-template-typed": "u1.large"},
    )
    return _rhv(example) if example.inventory.product == "rhv" else example


def _template(example: Example, id_: str, **changes: Any) -> Vm:
    return msgspec.structs.replace(vm(example, id_, is_template=True), **changes)


def _rhv(example: Example) -> Example:
    """Two versions of a template with an instance type; a VM of a pool that was made from it."""
    chain: dict[str, Any] = {"template_base": "vm-template-1", "instance_type": "type-1"}
    return (
        example.change("vms", TEMPLATE, template_version=1, **chain)
        .add(
            vms=(
                _template(
                    example,
                    "vm-template-2",
                    name=TEMPLATE,
                    guest_id="rhel_9x64",
                    template_version=2,
                    **chain,
                ),
                vm(
                    example,
                    "vm-template-made",
                    template="vm-template-2",
                    instance_type="type-1",
                    vm_pool="pool-1",
                ),
            ),
            instance_types=(
                InstanceType(
                    id="type-1",
                    name="Large",
                    description="Large, as the engine has it",
                    sockets=2,
                    cores_per_socket=1,
                    threads_per_core=1,
                    memory_bytes=4 * GIB,
                    memory_max_bytes=8 * GIB,
                ),
                InstanceType(id="type-2", name="Tiny", sockets=1, memory_bytes=GIB),
            ),
            vm_pools=(
                VmPool(
                    id="pool-1",
                    name="desktops",
                    cluster="c-1",
                    template="vm-template-2",
                    kind="automatic",
                    size=5,
                    prestarted=2,
                    maximum_user_vms=1,
                    stateful=False,
                    latest_template=True,
                ),
            ),
        )
        .choose(templates={f"{example.inventory.source}/vm-template-2": "images"})
    )
