"""What an engine holds: the lists at the top of its API, and the little that is not in them."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Estate:
    """An estate as objects of `ovirtsdk4.types`.

    `collections` holds the lists at the top of the API by their path (`vms`, `storagedomains`).
    What lies below an object is in the object's own attribute: `vm.nics`, `host.agents`.

    `extra` holds lists whose objects have no attribute for them: (id of the owner, path) -> list.
    `external_data` is what the OVF of a snapshot carries besides: snapshot id -> kind -> text.
    `ovn` holds Neutron's lists (`networks`, `subnets`, ...), as its API shows them.
    """

    collections: dict[str, list[Any]]
    extra: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    external_data: dict[str, dict[str, str]] = field(default_factory=dict)
    ovn: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
