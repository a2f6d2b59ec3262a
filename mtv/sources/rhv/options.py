"""What is a configuration option of the engine: migration policies, CPU types, properties."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from mtv.model.compute import CpuDefinition, MigrationPolicy
from mtv.model.organisation import CustomField, PlatformOption
from mtv.model.quantity import Native, Setting
from mtv.sources.rhv.read import Answers
from mtv.sources.rhv.values import each


def _values(answers: Answers, name: str) -> Iterator[tuple[str, str]]:
    """(Cluster level, value) of an option."""
    option = answers.options.get(name)
    for value in each(option.values if option is not None else None):
        if value.value:
            yield value.version or "", value.value


_NONSENSE = (
    *(ValueError, TypeError, KeyError, AttributeError, StopIteration),
    msgspec.ValidationError,
)
"""What reading JSON of an unknown shape may raise."""


def migration_policies(answers: Answers) -> list[MigrationPolicy]:
    """The migration policies of each cluster level."""
    found = []
    for version, text in _values(answers, "MigrationPolicies"):
        try:
            found += [_policy(each_, version) for each_ in json.loads(text)]
        except _NONSENSE:
            answers.unreadable.append(f"the migration policies of level {version}: no JSON we know")
    return found


def _policy(item: Any, version: str) -> MigrationPolicy:
    config = item.get("config") or {}
    items = config.get("convergenceItems") or ()
    steps = [
        *(_step(one) for one in config.get("initialItems") or ()),
        *(_step(_first(one, "convergenceItem", "action")) for one in items),
        *(f"last: {_step(one)}" for one in config.get("lastItems") or ()),
    ]
    # How many stalled iterations each step but the initial ones waits for.
    limits = ",".join(str(_first(one, "stallingLimit", "limit")) for one in items)
    id_ = item["id"]
    policy = MigrationPolicy(
        id=id_["uuid"] if isinstance(id_, dict) else id_,
        name=item.get("name") or "",
        version=version,
        maximum_migrations=item.get("maxMigrations"),
        auto_convergence=item.get("autoConvergence"),
        compression=item.get("migrationCompression"),
        encryption=item.get("encrypted"),
        zero_copy=item.get("zeroCopy"),
        steps=tuple(steps),
        native={**_rest(item), **({"stalling_limits": limits} if limits else {})},
    )
    return msgspec.convert(msgspec.to_builtins(policy), MigrationPolicy)


_READ = {
    *("id", "name", "maxMigrations", "autoConvergence", "migrationCompression", "encrypted"),
    *("zeroCopy", "config"),
}


def _rest(item: Any) -> Native:
    return {
        key: value
        for key, value in item.items()
        if key not in _READ and isinstance(value, str | int | float | bool)
    }


def _step(item: Any) -> str:
    """``setDowntime 150``, ``abort`` ..."""
    action = str(_first(item, "action", "name"))
    return " ".join([action, *(str(one) for one in item.get("params") or ())])


def _first(item: Any, *names: str) -> Any:
    """The first of some keys that is there; engines' versions name them differently."""
    return next(item[name] for name in names if name in item)


def cpu_definitions(answers: Answers) -> Iterator[CpuDefinition]:
    """What the clusters' CPU types stand for: ``level:name:flags:model,+feature:architecture;``."""
    for version, text in _values(answers, "ServerCPUList"):
        for entry in filter(None, (part.strip() for part in text.split(";"))):
            parts = [part.strip() for part in entry.split(":")]
            if len(parts) < 5:
                answers.unreadable.append(
                    f"the CPU type {entry!r} of level {version} has no form we know"
                )
                continue
            level, name, flags, verb, architecture = parts[:5]
            model, *features = [part.strip() for part in verb.split(",")]
            yield CpuDefinition(
                name=name,
                version=version,
                level=int(level) if level.isdecimal() else None,
                model=model or None,
                flags=tuple(filter(None, (part.strip() for part in flags.split(",")))),
                features=tuple(filter(None, features)),
                architecture=architecture or None,
            )


_PROPERTIES = ("PredefinedVMProperties", "UserDefinedVMProperties")


def custom_fields(answers: Answers) -> Iterator[CustomField]:
    """The custom properties that VMs may have: ``name=pattern;name=pattern``."""
    for option in _PROPERTIES:
        for version, text in _values(answers, option):
            for entry in filter(None, (part.strip() for part in text.split(";"))):
                name, _, pattern = entry.partition("=")
                yield CustomField(
                    key=name, name=name, kind="vm", pattern=pattern or None, version=version
                )


def platform_options(answers: Answers) -> Iterator[PlatformOption]:
    """The options that have no noun of their own, as they are."""
    for name in ("ClusterEmulatedMachines", "CustomDeviceProperties"):
        for version, text in _values(answers, name):
            yield PlatformOption(
                name=name, version=version, values=(Setting(name="value", value=text),)
            )
