"""What starts before what, as a graph of VMs and of the points between them.

A *point* is where several VMs are waited for, or start together: the begin and end of a vApp, the
end of one of its steps, a rule's dependency. Edges from VMs to points are steps; all others cost
nothing. So a step of a thousand VMs before another thousand is two thousand edges.
"""

from collections import defaultdict
from functools import cached_property

import msgspec

VM, POINT = "vm", "point"

Node = tuple[str, str]
"""``(VM, ref)`` or ``(POINT, name)``."""


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """What is waited for after a start."""

    delay_seconds: int = 0
    guest: bool = False

    def and_(self, other: "Wait") -> "Wait":
        """Both: the longer one."""
        return Wait(
            delay_seconds=max(self.delay_seconds, other.delay_seconds),
            guest=self.guest or other.guest,
        )


NOTHING = Wait()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a VM comes in the order. Smaller numbers start first."""

    rank: int
    level: int
    wait: Wait


class Orders:
    """The orders of a site. Add to it first, then ask."""

    def __init__(self) -> None:
        self._next = defaultdict[Node, list[Node]](list)
        self._ends = defaultdict[Node, list[Node]](list)
        """Node -> points that are waited for as soon as it was started."""
        self._nodes = dict[Node, None]()
        self._waits = dict[Node, Wait]()
        self._points = 0

    def point(self, wait: Wait = NOTHING) -> Node:
        """A new point, with what is waited for before it is reached."""
        self._points += 1
        node = (POINT, str(self._points))
        self._nodes[node] = None
        self._waits[node] = wait
        return node

    def before(self, first: Node, then: Node, *, ends: bool = False) -> None:
        """Says that one comes before the other. ``ends``: it is the last before that point, so
        that what the point waits for is waited for after it."""
        self._nodes[first] = self._nodes[then] = None
        self._next[first].append(then)
        if ends:
            self._ends[first].append(then)

    def vms(self) -> list[str]:
        """Refs of all VMs that are in some order."""
        return [name for kind, name in self._nodes if kind == VM]

    def places(self, ranks: dict[str, int], last: int) -> dict[str, Place]:
        """Ref -> place. ``ranks``: VM -> its importance, 0 the highest; ``last``: of the others.

        What an important VM waits for is as important. VMs that wait for each other have one place.
        """
        rounds = self._rounds
        rank, level, wait = dict[int, int](), dict[int, int](), dict[int, Wait]()
        index = {node: number for number, nodes in enumerate(rounds) for node in nodes}
        for number, nodes in enumerate(rounds):  # from the last one back
            after = {index[then] for node in nodes for then in self._next[node]} - {number}
            own = [ranks.get(name, last) for kind, name in nodes if kind == VM]
            rank[number] = min([*own, *(rank[each] for each in after)], default=last)
            whole = NOTHING
            for node in nodes:
                whole = whole.and_(self._waits.get(node, NOTHING))
                for then in self._ends[node]:
                    if index[then] != number:
                        whole = whole.and_(wait[index[then]])
            wait[number] = whole
        for number in range(len(rounds) - 1, -1, -1):
            level.setdefault(number, 0)
            for node in rounds[number]:
                for then in self._next[node]:
                    if index[then] != number:
                        steps = level[number] + (node[0] == VM)
                        level[index[then]] = max(level.get(index[then], 0), steps)
        return {
            name: Place(rank=rank[number], level=level[number], wait=wait[number])
            for (kind, name), number in index.items()
            if kind == VM
        }

    @property
    def circles(self) -> list[list[str]]:
        """Refs of VMs that wait for each other."""
        found = []
        for nodes in self._rounds:
            names = sorted(name for kind, name in nodes if kind == VM)
            if names and (len(nodes) > 1 or nodes[0] in self._next[nodes[0]]):
                found.append(names)
        return sorted(found)

    @cached_property
    def _rounds(self) -> list[list[Node]]:
        """Tarjan's strongly connected components, the last in the order first."""
        numbers, lowest = dict[Node, int](), dict[Node, int]()
        stack, on_stack = list[Node](), set[Node]()
        found = list[list[Node]]()
        for root in self._nodes:
            if root in numbers:
                continue
            work = [(root, iter(self._next[root]))]
            numbers[root] = lowest[root] = len(numbers)
            stack.append(root)
            on_stack.add(root)
            while work:
                node, following = work[-1]
                for then in following:
                    if then not in numbers:
                        numbers[then] = lowest[then] = len(numbers)
                        stack.append(then)
                        on_stack.add(then)
                        work.append((then, iter(self._next[then])))
                        break
                    if then in on_stack:
                        lowest[node] = min(lowest[node], numbers[then])
                else:
                    work.pop()
                    if work:
                        above = work[-1][0]
                        lowest[above] = min(lowest[above], lowest[node])
                    if lowest[node] == numbers[node]:
                        component = list[Node]()
                        while not component or component[-1] != node:
                            component.append(stack.pop())
                            on_stack.discard(component[-1])
                        found.append(component)
        return found
