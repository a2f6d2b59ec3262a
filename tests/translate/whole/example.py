"""What the perturbation tests change: whole estates, with the choices of a site for them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from mtv.assess import assess
from mtv.estate import Estate
from mtv.model.estate import Inventory
from mtv.model.target import SiteMapping, Target
from mtv.translate import Translation, translate


@dataclass(frozen=True)
class Example:
    """One product's estate, target and mapping."""

    inventory: Inventory
    target: Target
    mapping: SiteMapping

    def add(self, **lists: tuple[Any, ...]) -> "Example":
        """The example with further objects at the end of the inventory's lists."""
        longer = {name: (*getattr(self.inventory, name), *more) for name, more in lists.items()}
        return self.replace(inventory=msgspec.structs.replace(self.inventory, **longer))

    def change(self, kind: str, id_: str, **fields: Any) -> "Example":
        """The example with other fields in one object of a list: ``change("vms", "vm-1", ...)``."""
        things = getattr(self.inventory, kind)
        assert any(each.id == id_ for each in things), f"there is no {kind} {id_}"
        made = tuple(
            msgspec.structs.replace(each, **fields) if each.id == id_ else each for each in things
        )
        return self.replace(inventory=msgspec.structs.replace(self.inventory, **{kind: made}))

    def choose(self, **fields: Any) -> "Example":
        """The example with more choices in its mapping: dictionaries grow, other values change."""
        now = {name: getattr(self.mapping, name) for name in fields}
        made = {
            name: {**now[name], **value} if isinstance(value, dict) else value
            for name, value in fields.items()
        }
        return self.replace(mapping=msgspec.structs.replace(self.mapping, **made))

    def offer(self, **fields: Any) -> "Example":
        """The example with more in its target: tuples grow, other values change."""
        now = {name: getattr(self.target, name) for name in fields}
        made = {
            name: (*now[name], *value) if isinstance(value, tuple) else value
            for name, value in fields.items()
        }
        return self.replace(target=msgspec.structs.replace(self.target, **made))

    def replace(self, **fields: Any) -> "Example":
        """Another example with these fields."""
        return Example(**{**self.__dict__, **fields})

    def translate(self) -> Translation:
        """What becomes of it."""
        estate = Estate([self.inventory])
        return translate(estate, self.target, self.mapping, assess(estate))


@dataclass(frozen=True)
class Change:
    """How a path's value is changed, where not just any other value makes sense.

    ``to``: the other value. ``at``: id of the first-level object. ``where``: which struct holds
    the value, asked of it as plain data. Without them it is the first place that has a value.
    """

    to: Any
    at: str | None = None
    where: Callable[[dict[str, Any]], bool] | None = None
