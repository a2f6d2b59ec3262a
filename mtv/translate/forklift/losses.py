"""What VMs that Forklift makes will not have, of what mtv's manifests say."""

from collections.abc import Iterable, Iterator
from typing import Any

from mtv.knowledge.forklift import Loss, forklift, lost
from mtv.translate.forklift.notes import Note, warning
from mtv.translate.part import Manifest


class Losses:
    """The losses of many VMs, told once each with all whom they are about."""

    def __init__(self) -> None:
        self._found = dict[Loss, dict[str, None]]()

    def add(self, ref: str, product: str, machine: Manifest) -> None:
        """Look at the VirtualMachine that mtv makes of one VM."""
        said = {"metadata": {"labels": machine["metadata"].get("labels", {})}}
        for path, value in _leaves({**said, "spec": machine["spec"]}):
            for loss in lost(path, product):
                if not any(value is each or value == each for each in loss.unless):
                    self._found.setdefault(loss, {})[ref] = None

    def notes(self) -> Iterator[Note]:
        """In the order of the table; fields that it does not know at the end."""
        order = {loss: number for number, loss in enumerate(forklift().losses)}
        for loss in sorted(self._found, key=lambda each: (order.get(each, len(order)), each.says)):
            vms: Iterable[str] = self._found[loss]
            yield warning(f"Forklift does not carry over {loss.says}", loss.remedy, vms)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path and value of everything that is no container: ``spec.disks[].name``."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, f"{path}[]")
    else:
        yield path, value
