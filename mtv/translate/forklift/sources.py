"""Which source of mtv.yaml a Provider is, and which object of its inventory a reference means."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from mtv.config import SourceSettings
from mtv.errors import ConfigError
from mtv.estate import Estate
from mtv.model.estate import Inventory
from mtv.model.network import Network
from mtv.translate.forklift.documents import KubernetesObject
from mtv.translate.forklift.inputs import ObjectRef, ProviderSpec, ResourceRef, spec_of

KINDS = {"vsphere": "vsphere", "ovirt": "rhv", "ova": "ova"}
"""Forklift's types of Providers -> kinds of sources."""

REMEDY = "say it with --source PROVIDER=SOURCE; the sources are: {}"


class Sources:
    """The sources of a project by the Providers that stand for them."""

    def __init__(
        self,
        estate: Estate,
        settings: Mapping[str, SourceSettings],
        providers: Iterable[KubernetesObject],
        said: Mapping[str, str],
    ) -> None:
        self._inventories = {each.source: each for each in estate.inventories}
        self._settings = settings
        self._providers = {(each.namespace, each.name): each for each in providers}
        self._said = said
        for provider, source in said.items():
            if source not in settings:
                raise ConfigError(
                    f"--source {provider}={source}: mtv.yaml has no source {source!r}",
                    f"its sources are: {', '.join(settings)}",
                )
            self._check_kind(provider, source)

    def _check_kind(self, provider: str, source: str) -> None:
        """Objects of another platform may have the same names: no Provider stands for those."""
        read = [each for (_, name), each in self._providers.items() if name == provider]
        kind = self._settings[source].kind
        if not read and self._providers:
            known = ", ".join(sorted(name for _, name in self._providers))
            raise ConfigError(
                f"--source {provider}={source}: no Provider in the files is called {provider!r}",
                f"their Providers are: {known}",
            )
        for each in read:
            type_ = spec_of(each, ProviderSpec).type
            if KINDS.get(type_) != kind:
                raise ConfigError(
                    f"--source {provider}={source}: {each.title} is of type {type_!r}, and "
                    f"{source} of kind {kind!r}",
                    "name a source of the Provider's own kind",
                )

    def of(self, reference: ResourceRef, who: KubernetesObject) -> Inventory:
        """The inventory of the source of a map or Plan.

        Raises ConfigError where no source, or more than one, may be meant.
        """
        name = self._said.get(reference.name)
        if name is None:
            name = self._by_url(reference, who)
        if name not in self._inventories:
            raise ConfigError(
                f"{who.where}: {who.title}: the source {name} has not been collected",
                f"run: mtv collect {name}",
            )
        return self._inventories[name]

    def _by_url(self, reference: ResourceRef, who: KubernetesObject) -> str:
        remedy = REMEDY.format(", ".join(self._settings))
        read = self._find(reference, who)
        if read is None:
            raise ConfigError(
                f"{who.where}: {who.title}: its Provider {reference.name!r} is in no file",
                remedy,
            )
        spec = spec_of(read, ProviderSpec)
        if spec.type not in KINDS:
            raise ConfigError(
                f"{read.where}: {read.title}: mtv has no sources of type {spec.type!r}",
                "leave this Provider's maps and Plans out",
            )
        place = _place(spec.url)
        found = [
            name
            for name, each in self._settings.items()
            if each.kind == KINDS[spec.type] and place and _place(each.url or "") == place
        ]
        if len(found) != 1:
            says = "several sources have" if found else "no source has"
            raise ConfigError(
                f"{read.where}: {read.title}: {says} its url {spec.url[:200]!r}", remedy
            )
        return found[0]

    def _find(self, reference: ResourceRef, who: KubernetesObject) -> KubernetesObject | None:
        """The Provider; a reference without a namespace means that of the one who refers."""
        namespace = reference.namespace or who.namespace
        exact = self._providers.get((namespace, reference.name))
        if exact is not None or namespace:
            return exact
        alike = [each for (_, name), each in self._providers.items() if name == reference.name]
        return alike[0] if len(alike) == 1 else None


def _place(url: str) -> tuple[str, int] | None:
    """Host and port of a url; None where it has none."""
    try:
        parts = urlsplit(url)
        return None if parts.hostname is None else (parts.hostname.lower(), parts.port or 443)
    except ValueError:
        return None


class Named(Protocol):
    """What has an id and a name."""

    @property
    def id(self) -> str:
        """The source's id."""

    @property
    def name(self) -> str:
        """What people call it."""


N = TypeVar("N", bound=Named)


class Lookup:
    """Finds objects by id, else by name, and keeps what it did not find."""

    def __init__(self) -> None:
        self._index = dict[int, tuple[object, dict[str, Named], dict[str, list[Named]]]]()
        self.missing = dict[tuple[str, str], dict[str, None]]()
        """Source, kind -> words of what the inventory does not have."""
        self.ambiguous = dict[tuple[str, str], dict[str, None]]()

    def find(self, things: tuple[N, ...], wanted: ObjectRef, source: str, kind: str) -> N | None:
        """The object that a reference means; None where it is missing or may be several."""
        found = list(self._candidates(things, wanted))
        if len(found) == 1:
            return found[0]
        kept = self.ambiguous if found else self.missing
        kept.setdefault((source, kind), {})[wanted.words] = None
        return None

    def _candidates(self, things: tuple[N, ...], wanted: ObjectRef) -> Iterator[N]:
        by_id, by_name = self._of(things)
        if wanted.id and wanted.id in by_id:
            yield by_id[wanted.id]  # type: ignore[misc]
            return
        # vSphere's references may be qualified: /DC0/datastore/gold-01.
        named = by_name.get(wanted.name) or by_name.get(wanted.name.rpartition("/")[2], [])
        for each in named if wanted.name else ():
            other = isinstance(each, Network) and wanted.vlan and str(each.vlan) != wanted.vlan
            if not other:
                yield each  # type: ignore[misc]

    def _of(self, things: tuple[N, ...]) -> tuple[dict[str, Named], dict[str, list[Named]]]:
        if id(things) not in self._index:
            by_name = dict[str, list[Named]]()
            for each in things:
                by_name.setdefault(each.name, []).append(each)
            self._index[id(things)] = things, {each.id: each for each in things}, by_name
        _, by_id, names = self._index[id(things)]
        return by_id, names
