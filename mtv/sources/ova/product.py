"""What an OVF says about the software in it: properties, licence."""

from collections.abc import Iterator

from mtv.model.quantity import Setting
from mtv.sources.ova.tree import Node, may_be_secret


def properties(node: Node) -> Iterator[Setting]:
    """The properties of a VM's or vApp's product sections; values that are secret stay empty.

    The name is ``class.key.instance``, as the guest sees it in its environment.
    """
    for section in node.all("ProductSection"):
        kind, instance = section.get("class"), section.get("instance")
        for each in section.all("Property"):
            key = each.get("key") or ""
            values = [each, *each.all("Value")]
            told = [value.get("value") for value in values]
            password = (each.get("password") or "").lower() in ("true", "1")
            secret = password or may_be_secret(key)
            value = next((value for value in told if value is not None), "")
            name = ".".join(part for part in (kind, key, instance) if part)
            yield Setting(name=name, value="" if secret else value)


def licences(node: Node) -> dict[str, int]:
    """Path -> number of characters of every licence: that there is one counts, not its text."""
    found = dict[str, int]()
    for count, section in enumerate(node.all("EulaSection")):
        text = section.value("License")
        if text:
            found[f"EulaSection[{count}].License.characters"] = len(text)
    return found
