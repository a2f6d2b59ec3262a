"""CEL expressions: what they give, and a sentence for what they cannot."""

import pytest

from mtv.errors import ConfigError
from mtv.expressions import Expression, context

KNOWN = {"vm": {"name": "web01", "disks": [{"size": 5}, {"size": 7}], "host": None}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("vm.name == 'web01'", True),
        ("vm.host == null", True),
        ("vm.disks.exists(d, d.size > 6)", True),
        ("size(vm.disks) > 2", False),
        ("vm.name.startsWith('db')", False),
    ],
)
def test_a_condition_is_true_or_false(text: str, value: bool) -> None:
    assert Expression(text).truth(context(KNOWN)) is value


def test_a_text_is_made_of_the_names() -> None:
    text = "vm.name + ': ' + vm.disks.map(d, string(d.size)).join('+')"
    assert Expression(text).text(context(KNOWN)) == "web01: 5+7"


@pytest.mark.parametrize("text", ["vm.name ==", "(", "vm name", "'a"])
def test_what_is_no_cel_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no CEL"):
        Expression(text)


@pytest.mark.parametrize("text", ["vm.nome == 'x'", "server.name == 'x'", "vm.name > 5"])
def test_what_cannot_be_evaluated_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be evaluated"):
        Expression(text).truth(context(KNOWN))


def test_a_condition_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="gives 'web01', not true or false"):
        Expression("vm.name").truth(context(KNOWN))
