"""What Kubernetes adds to CEL gives what Kubernetes gives."""

from typing import Any

import cel
import pytest

from tests.validation.functions import context, unknown_functions


def value_of(text: str, self: Any = None) -> Any:
    known = context()
    known.update({"self": self})
    program = cel.compile(text)
    assert unknown_functions(program) == []
    return program.execute(known)


@pytest.mark.parametrize(
    "text",
    [
        "isIP('192.0.2.1')",
        "isIP('2001:db8::1')",
        "!isIP('192.0.2.01')",
        "!isIP('::ffff:192.0.2.1')",
        "!isIP('fe80::1%eth0')",
        "!isIP('192.0.2.0/24')",
        "isCIDR('192.0.2.0/24')",
        "isCIDR('192.0.2.1/24')",
        "isCIDR('2001:db8::/32')",
        "!isCIDR('192.0.2.0')",
        "!isCIDR('192.0.2.0/33')",
        "!isCIDR('192.0.2.0/024')",
        "!isCIDR('192.0.2.0/24/24')",
        "ip('192.0.2.1').family() == 4",
        "cidr('2001:db8::/32').ip().family() == 6",
        "cidr('192.0.2.0/24').prefixLength() == 24",
        "cidr('192.0.2.7/24').masked() == cidr('192.0.2.0/24')",
        "cidr('192.0.2.7/24') != cidr('192.0.2.7/24').masked()",
        "cidr('192.0.2.0/24').containsIP('192.0.2.9')",
        "cidr('192.0.2.0/24').containsIP(ip('192.0.2.9'))",
        "!cidr('192.0.2.0/24').containsIP('198.51.100.1')",
        "!cidr('192.0.2.0/24').containsIP('2001:db8::1')",
        "cidr('192.0.2.0/24').containsCIDR('192.0.2.128/25')",
        "cidr('192.0.2.0/24').containsCIDR(cidr('192.0.2.0/24'))",
        "!cidr('192.0.2.0/24').containsCIDR('192.0.0.0/16')",
        "!cidr('192.0.2.0/24').containsCIDR('2001:db8::/32')",
        "!format.qualifiedName().validate('example.com/a').hasValue()",
        "format.qualifiedName().validate('a b').hasValue()",
        "format.dns1123Label().validate('a.b').hasValue()",
        "int('10.0.0.0'.split('.')[0]) == 10",
        "'a,b'.split(',').exists(each, each == 'b')",
        "[1, 1].all(p, p == 1) && ![1, 1].all(p, [1, 1].exists_one(q, q == p))",
    ],
)
def test_it_holds(text: str) -> None:
    assert value_of(text) is True


@pytest.mark.parametrize("text", ["cidr('192.0.2.0')", "ip('a')", "cidr('a').ip()"])
def test_what_is_none_has_no_value(text: str) -> None:
    with pytest.raises((ValueError, RuntimeError, TypeError)):
        value_of(text)


def test_a_function_that_nobody_has_is_found_where_it_is_not_reached() -> None:
    assert unknown_functions(cel.compile("false && quantity(self).isLessThan(1)")) == [
        "isLessThan",
        "quantity",
    ]
