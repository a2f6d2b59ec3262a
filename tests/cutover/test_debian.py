"""A guest without virtio in its initramfs: what the conversion is for.

That the same guest does boot after its conversion is shown in ``test_kill``.
"""

import re
from collections.abc import Callable

import pytest
import yaml

from tests.driver import Mtv
from tests.real.small_estate import SmallEstate


@pytest.mark.slow
def test_without_a_conversion_it_does_not_boot_on_the_manifests_disk_bus(
    planned: Callable[..., Mtv], estate: SmallEstate
) -> None:
    del estate
    project = planned("billing-db")
    manifest = next((project.directory / "manifests").rglob("billing-db.yaml"))
    machine = next(yaml.safe_load_all(manifest.read_text()))
    disks = machine["spec"]["template"]["spec"]["domain"]["devices"]["disks"]
    assert [disk["disk"]["bus"] for disk in disks] == ["virtio"]
    plan = project.directory / "plan.yaml"
    plan.write_text(re.sub("convert: virt-v2v", "convert: none", plan.read_text()))
    ended = project.run("cutover", expect=1)
    assert "billing-db: failed" in ended.stdout
    assert re.search(r"root (file ?system|device)", ended.stdout), ended
