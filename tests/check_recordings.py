"""Reads recorded answers of real engines: python -m tests.check_recordings DIR

DIR has an ``index.tsv`` (cassette, file, method, code, url ...) and a folder of answers for each
cassette. Each answer has to be read, and nothing that it says may be lost between the SDK's reader
and its writer; what a cassette says together has to become an inventory.
"""

import csv
import json
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ovirtsdk4.reader
import ovirtsdk4.readers
import ovirtsdk4.types as sdk
import ovirtsdk4.writer
import ovirtsdk4.writers
from lxml import etree

from mtv import markup
from mtv.model.estate import Inventory
from mtv.sources.rhv.collect import inventory_of
from mtv.sources.rhv.neutron import Neutron
from mtv.sources.rhv.read import Answers

API = "/ovirt-engine/api/"

NOT_DATA = {"link", "actions"}
"""Elements that say where something else is; the SDK keeps links as references."""

PROVIDER = "recorded-ovn"


@dataclass
class Check:
    """What was read, and what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    """Objects by kind."""
    failures: list[str] = field(default_factory=list)
    answers: int = 0
    inventories: list[Inventory] = field(default_factory=list)


def check(directory: Path) -> Check:
    """Reads all answers of a folder of recordings."""
    found = Check()
    with (directory / "index.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for cassette in dict.fromkeys(row["cassette"] for row in rows):
        said = Answers(cassette, sdk.Api(product_info=sdk.ProductInfo(name=cassette)))
        neutron = Neutron()
        for row in rows:
            if row["cassette"] == cassette and row["method"] == "GET" and row["code"] == "200":
                path = directory / cassette / row["file"]
                try:
                    _read(found, said, neutron, path, urlsplit(row["url"]).path)
                except Exception as problem:  # noqa: BLE001  # whatever it is, it is the finding
                    found.failures.append(f"{path}: {type(problem).__name__}: {problem}")
        said.neutron[PROVIDER] = neutron
        try:
            found.inventories.append(inventory_of(said, "2026-01-01T00:00:00Z"))
        except Exception as problem:  # noqa: BLE001
            found.failures.append(f"{cassette}: no inventory: {type(problem).__name__}: {problem}")
            continue
        found.failures += [f"{cassette}: {each}" for each in said.unreadable if "overlay" in each]
    return found


def _read(found: Check, said: Answers, neutron: Neutron, path: Path, url: str) -> None:
    content = path.read_bytes()
    if not content.strip():
        return
    found.answers += 1
    if path.suffix == ".json":
        for name, items in json.loads(content).items():
            found.counts[f"neutron {name}"] += len(items)
            if hasattr(neutron, name):
                known = {each["id"] for each in getattr(neutron, name)}
                getattr(neutron, name).extend(each for each in items if each["id"] not in known)
        return
    with warnings.catch_warnings(record=True):
        objects = ovirtsdk4.reader.Reader.read(content)
    many = objects if isinstance(objects, list) else [objects]
    for each in many:
        found.counts[type(each).__name__] += 1
    lost = lost_elements(content, many)
    if lost:
        found.failures.append(f"{path}: lost {', '.join(lost)}")
    _place(said, url.removeprefix(API), many)


def lost_elements(content: bytes, objects: list[Any]) -> list[str]:
    """What an answer says and the SDK's writer does not say again: ``vm/bios/type``."""
    root = markup.parse(content, "an answer")
    originals = list(root) if len(objects) != 1 or _is_list(root) else [root]
    lost = set[str]()
    for original, thing in zip(originals, objects, strict=True):
        again = markup.parse(ovirtsdk4.writer.Writer.write(thing).encode(), "written anew")
        missing = Counter(_said(original, "")) - Counter(_said(again, ""))
        lost |= {f"{etree.QName(original).localname}{path}={text!r}" for path, text in missing}
    return sorted(lost)


def _is_list(root: etree._Element) -> bool:
    return root.get("id") is None and not any(
        child.text and child.text.strip() and not len(child) for child in root
    )


def _said(element: etree._Element, path: str) -> Iterator[tuple[str, str]]:
    """Paths of an element with the texts and ids there."""
    if element.get("id") is not None:
        yield f"{path}/@id", str(element.get("id"))
    for child in element:
        name = str(etree.QName(child).localname)
        if name in NOT_DATA:
            continue
        if len(child):
            yield from _said(child, f"{path}/{name}")
            continue
        if child.get("id") is not None:
            yield f"{path}/{name}/@id", str(child.get("id"))
        if child.text and child.text.strip():
            yield f"{path}/{name}", _plain(child.text)


def _plain(text: str) -> str:
    """A text as both write it: times and numbers have more than one form."""
    if re.match(r"\d{4}-\d\d-\d\dT", text):
        return (
            re.sub(r"(\.\d*?)0*(?=[+-]|Z|$)", r"\1", text).replace(".+", "+").replace("Z", "+00:00")
        )
    try:
        return str(float(text))
    except ValueError:
        return text


def _place(said: Answers, path: str, objects: list[Any]) -> None:
    """Puts a list where a collection would have it: at the top, or below its owner."""
    parts = path.strip("/").split("/")
    if len(parts) == 1:
        said.lists[parts[0]] = objects
    elif len(parts) == 3:
        for owner in said.of(parts[0]):
            attribute = next(
                (name for name in dir(owner) if name.replace("_", "") == parts[2]), None
            )
            if owner.id == parts[1] and attribute is not None:
                setattr(owner, attribute, objects)


def main() -> int:
    """Prints what there is of each kind, then what went wrong."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    found = check(Path(sys.argv[1]))
    for kind, count in sorted(found.counts.items()):
        print(f"{count:7}  {kind}")
    print(f"{sum(found.counts.values()):7}  objects in {found.answers} answers")
    for inventory in found.inventories:
        print(
            f"{inventory.source}: {len(inventory.vms)} VMs and templates, "
            f"{len(inventory.hosts)} hosts, {len(inventory.networks)} networks, "
            f"{len(inventory.overlay_ports)} overlay ports"
        )
    for failure in found.failures:
        print(f"FAILED {failure}")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
