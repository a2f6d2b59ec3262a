"""What a fence agent of RHV is called in OpenShift (``mappings/fence-agents.yaml``)."""

from functools import cache

import msgspec

from mtv.mappings import read_yaml

OFF = frozenset({"0", "false", "no", "off"})
"""Values that switch a switch off."""


class Agent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fence agent, and what the engine's own words for it are as parameters."""

    kinds: tuple[str, ...]
    agent: str
    port: str | None = None
    slot: str | None = None
    secure: str | None = None
    defaults: dict[str, str] = {}


class FenceAgents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of the file."""

    agents: tuple[Agent, ...]
    options: dict[str, str]
    switches: dict[str, str]

    def agent(self, kind: str) -> Agent | None:
        """The agent of a kind; None for one that mtv does not know, such as a custom one."""
        return next((each for each in self.agents if kind in each.kinds), None)

    def parameter(self, agent: Agent, name: str, value: str) -> tuple[str, str] | None:
        """A parameter with its value (empty: it has none); None for an option it does not know.

        ``("", "")`` for a switch that is off.
        """
        switch = agent.secure if name == "secure" else self.switches.get(name)
        if switch is not None:
            return ("", "") if value.lower() in OFF else (switch, "")
        plain = agent.slot if name == "slot" else self.options.get(name)
        return None if plain is None else (plain, value)


@cache
def fence_agents() -> FenceAgents:
    """The table."""
    return msgspec.convert(read_yaml("fence-agents.yaml"), FenceAgents)
