"""Whole lists of the engine, page by page, each with what hangs on its objects.

Traps that this module is for:

- One link that the engine cannot follow fails the request for the whole page. Then the page is read
  without, the links one at a time, and what fails even so object by object.
- ``page N`` without ``max`` puts everything on page 1; ``sortby`` needs its direction.
- Pages know nothing of each other. An object that goes away meanwhile shifts another one out of
  sight: the ids are asked once more, and what is missing is read by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mtv.errors import SourceError
from mtv.sources.rhv.engine import Engine, Refused

PAGE_OBJECTS = 100
"""Few: each comes with all that hangs on it."""

PLAIN_OBJECTS = 1000
"""Many: they come with nothing else, as when ids are asked once more."""

EVERYTHING = "100000"
"""``max`` for lists that know no pages."""

TRIES = 3
"""How often a list is read that keeps changing, and how many objects may refuse a link in a row."""

SINGLES = 25
"""How many missing objects are read one by one; with more of them the whole list is read again."""

NO_FOLLOW = {400, 404, 500}
"""How engines refuse a request because of a link in ``follow``."""


@dataclass(frozen=True)
class Wanted:
    """A list at the top of the API, and which of its objects' links are followed."""

    path: str
    follow: tuple[str, ...] = ()
    sort: str = ""
    """Field to sort pages by; empty for lists that know no pages."""
    everything: bool = False
    """Ask for the parts that are left out by default (``all_content``)."""
    needed: bool = False
    """Without it there is no inventory."""

    @property
    def page_objects(self) -> int:
        """How many objects a page has."""
        return PAGE_OBJECTS if self.follow else PLAIN_OBJECTS


class Lists:
    """Reads lists. What cannot be read becomes a sentence in ``unreadable``."""

    def __init__(self, engine: Engine, unreadable: list[str]) -> None:
        self._engine = engine
        self._unreadable = unreadable
        self._broken: set[tuple[str, str]] = set()
        """(List, attribute) whose link the engine does not follow for any object."""

    def whole(self, wanted: Wanted, on_page: Callable[[int], None]) -> list[Any]:
        """Every object of a list, once; ``on_page`` is told how many there are so far."""
        query = {"all_content": "true"} if wanted.everything else {}
        try:
            if not wanted.sort:
                whole = self._page(wanted, {**query, "max": EVERYTHING})
                on_page(len(whole))
                return list(_by_id(whole).values())
            for _ in range(TRIES):
                found = self._pages(wanted, query, on_page)
                if len(found) < wanted.page_objects or self._settled(wanted, query, found):
                    return list(found.values())
            self._unreadable.append(
                f"{wanted.path} kept changing while they were read: some may be missing"
            )
        except SourceError as problem:
            if wanted.needed or not isinstance(problem, Refused):
                raise
            self._unreadable.append(f"{wanted.path}: {problem.message}")
            return []
        return list(found.values())

    def _pages(
        self, wanted: Wanted, query: dict[str, str], on_page: Callable[[int], None]
    ) -> dict[str, Any]:
        """The objects of all pages, by id."""
        found, number = dict[str, Any](), 0
        while True:
            number += 1
            page = self._page(wanted, {**query, **_page_query(wanted, number, wanted.page_objects)})
            found.update(_by_id(page))
            on_page(len(found))
            if len(page) < wanted.page_objects:
                return found

    def _settled(self, wanted: Wanted, query: dict[str, str], found: dict[str, Any]) -> bool:
        """Makes ``found`` what is there now; False when that is too different to mend."""
        there, number = set[str](), 0
        while True:
            number += 1
            asked = _page_query(wanted, number, PLAIN_OBJECTS)
            page = self._engine.list(wanted.path, **asked)
            there |= {str(each.id) for each in page}
            if len(page) < PLAIN_OBJECTS:
                break
        for gone in set(found) - there:
            del found[gone]
        missing = sorted(there - set(found))
        if len(missing) > SINGLES:
            return False
        for id_ in missing:
            try:
                found[id_] = self._single(wanted, f"{wanted.path}/{id_}", query)
            except Refused as problem:
                if problem.status != 404:
                    raise
        return True

    def _single(self, wanted: Wanted, path: str, query: dict[str, str]) -> Any:
        """One object with its links, asked for by itself."""
        thing = self._engine.get(path, **query)
        for head, paths in _by_head(wanted.follow).items():
            if (wanted.path, head) not in self._broken:
                self._join_one(wanted, thing, head, paths)
        return thing

    def _page(self, wanted: Wanted, query: dict[str, str]) -> list[Any]:
        """One page with its followed links."""
        links = {
            head: paths
            for head, paths in _by_head(wanted.follow).items()
            if (wanted.path, head) not in self._broken
        }
        follow = ",".join(path for paths in links.values() for path in paths)
        if not follow:
            return self._engine.list(wanted.path, **query)
        try:
            return self._engine.list(wanted.path, **query, follow=follow)
        except Refused as problem:
            if problem.status not in NO_FOLLOW:
                raise
        page = self._engine.list(wanted.path, **query)
        for head, paths in links.items():
            self._join(wanted, page, head, paths, query)
        return page

    def _join(
        self, wanted: Wanted, page: list[Any], head: str, paths: list[str], query: dict[str, str]
    ) -> None:
        """One link for all objects of a page that was read without."""
        plain = {key: value for key, value in query.items() if key != "all_content"}
        try:
            same = self._engine.list(wanted.path, **plain, follow=",".join(paths))
        except Refused as problem:
            if problem.status not in NO_FOLLOW:
                raise
        else:
            by_id = {each.id: getattr(each, head) for each in same}
            for each in page:
                setattr(each, head, by_id.get(each.id))
            return
        self._engine.says(f"reading {head} of {wanted.path} one by one")
        refused = 0
        for number, each in enumerate(page):
            refused += not self._join_one(wanted, each, head, paths)
            if refused == TRIES == number + 1:
                self._broken.add((wanted.path, head))
                self._unreadable[-refused:] = [
                    f"{head} of {wanted.path}: the engine does not show them"
                ]
                return

    def _join_one(self, wanted: Wanted, thing: Any, head: str, paths: list[str]) -> bool:
        """One link for one object; a refusal becomes a sentence."""
        try:
            setattr(thing, head, self._one(thing, head, paths))
        except Refused as problem:
            setattr(thing, head, None)
            if problem.status == 404:
                return True  # it went away meanwhile
            self._unreadable.append(
                f"{head} of {thing.name or thing.id} in {wanted.path}: {problem.message}"
            )
            return False
        return True

    def _one(self, thing: Any, head: str, paths: list[str]) -> list[Any]:
        """One object's list behind a link, with the links below it if the engine follows them."""
        path = f"{self._engine.below(thing.href)}/{head.replace('_', '')}"
        below = [path_.removeprefix(f"{head}.") for path_ in paths if path_ != head]
        if below:
            try:
                return self._engine.list(path, follow=",".join(below))
            except Refused as problem:
                if problem.status not in NO_FOLLOW:
                    raise
        return self._engine.list(path)


def _by_head(follow: tuple[str, ...]) -> dict[str, list[str]]:
    """Paths to follow by their first link: ``nics`` -> ``["nics.reported_devices"]``."""
    heads = dict[str, list[str]]()
    for path in follow:
        heads.setdefault(path.partition(".")[0], []).append(path)
    return heads


def _by_id(objects: list[Any]) -> dict[str, Any]:
    """By id, each once."""
    return {str(each.id): each for each in objects}


def _page_query(wanted: Wanted, number: int, size: int) -> dict[str, str]:
    return {"search": f"sortby {wanted.sort} asc page {number}", "max": str(size)}
