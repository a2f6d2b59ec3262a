"""What a console says: up, failed, or not yet."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtv.errors import BootFailed, ConfigError
from mtv.launch.check import TAIL, TAIL_LINES, WINDOW, Console, Passed, Watch
from mtv.mappings import boot_signs
from mtv.model.plan import BootCheck

LOGIN = BootCheck(console=r"login:", within_seconds=60)
WEAK = BootCheck(runs_seconds=30)


def test_console_pattern_passes() -> None:
    watch = Watch(LOGIN)
    watch.feed(b"booting\r\n")
    assert watch.verdict(1, running=True) is None
    watch.feed(b"billing-db lo")
    watch.feed(b"gin: ")
    assert watch.verdict(2, running=True) == Passed(weak=False)


def test_pattern_counts_even_if_the_guest_stopped_since() -> None:
    watch = Watch(LOGIN)
    watch.feed(b"login: ")
    assert watch.verdict(2, running=False) == Passed(weak=False)


def test_pattern_sees_through_colours_and_lines() -> None:
    watch = Watch(BootCheck(console=r"^web login:$"))
    watch.feed(b"noise\r\n\x1b[1;32mweb\x1b[0m \x1b]0;title\x07login:\r\n")
    assert watch.verdict(2, running=True) == Passed(weak=False)


def test_weak_check_passes_after_its_time_only() -> None:
    watch = Watch(WEAK)
    assert watch.verdict(29, running=True) is None
    assert watch.verdict(30, running=True) == Passed(weak=True)


@pytest.mark.parametrize("check", [LOGIN, WEAK])
def test_guest_that_stopped_before_has_failed(check: BootCheck) -> None:
    watch = Watch(check)
    watch.feed(b"last words\n")
    with pytest.raises(
        BootFailed, match=r"stopped by itself after 3 seconds[^$]*last words"
    ) as error:
        watch.verdict(3, running=False)
    assert error.value.hint


def test_time_limit() -> None:
    watch = Watch(LOGIN)
    watch.feed(b"still starting\n")
    assert watch.verdict(59, running=True) is None
    with pytest.raises(BootFailed, match="within 60 seconds"):
        watch.verdict(60, running=True)


def test_time_limit_of_a_silent_guest_hints_at_the_console() -> None:
    with pytest.raises(BootFailed, match="its console stayed empty") as error:
        Watch(LOGIN).verdict(61, running=True)
    assert "console=ttyS0" in error.value.hint


SIGNS = {
    "no-root-device": "[  2.1] VFS: Unable to mount root fs on unknown-block(0,0)",
    "initramfs-gave-up": "Gave up waiting for root file system device.  Common problems:",
    "initramfs-shell": "(initramfs) ",
    "dracut-emergency": "Entering emergency mode. Exit the shell to continue.",
    "systemd-emergency": "You are in emergency mode. After logging in, type journalctl -xb",
    "kernel-panic": "[  3.0] Kernel panic - not syncing: Attempted to kill init!",
    "grub-rescue": "Entering rescue mode...",
    "no-bootable-device": "No bootable device.",
    "secure-boot-refused": 'BdsDxe: failed to load Boot0001 "x" from PciRoot(0x0): Access Denied',
    "efi-found-nothing": "UEFI Interactive Shell v2.2",
    "windows-boot-device": "Stop code: INACCESSIBLE_BOOT_DEVICE",
    "windows-boot-manager": "BOOTMGR is missing",
}


def test_every_sign_has_an_example() -> None:
    assert [sign.id for sign in boot_signs()] == list(SIGNS)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("check", [LOGIN, WEAK])
def test_sign_fails_at_once(sign: str, check: BootCheck) -> None:
    row = next(each for each in boot_signs() if each.id == sign)
    watch = Watch(check)
    watch.feed(f"before\r\n{SIGNS[sign]}\r\n".encode())
    with pytest.raises(BootFailed) as error:
        watch.verdict(2, running=True)
    assert row.says in error.value.message
    assert SIGNS[sign].strip() in error.value.message
    assert error.value.hint == row.remedy


def test_the_shell_that_secure_boot_refuses_means_that_nothing_was_found() -> None:
    watch = Watch(LOGIN)
    watch.feed(
        b'BdsDxe: failed to start Boot0002 "EFI Internal Shell" from Fv(7CB8): Security Violation'
    )
    with pytest.raises(BootFailed, match="no boot loader on any disk"):
        watch.verdict(2, running=True)


def test_a_boot_that_goes_well_shows_no_sign() -> None:
    watch = Watch(LOGIN)
    watch.feed(
        b"SeaBIOS (version 1.16.2)\r\nBooting from Hard Disk...\r\nerror: no such device: abc.\r\n"
        b"[    0.0] Linux version 6.1.0\r\n[    1.1] Run /init as init process\r\n"
        b"Begin: Mounting root file system ... done.\r\n"
        b"systemd[1]: Dracut Emergency Shell was skipped because no trigger condition was met.\r\n"
        b"systemd[1]: Reached target Emergency Mode.\r\n"
    )
    assert watch.verdict(2, running=True) is None


@pytest.mark.parametrize(
    "check",
    [
        BootCheck(),
        BootCheck(console="x", runs_seconds=3),
        BootCheck(console="("),
        BootCheck(console="a{99999999999}"),
    ],
)
def test_wrong_check_is_refused(check: BootCheck) -> None:
    with pytest.raises(ConfigError):
        Watch(check)


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=8))
def test_console_does_not_depend_on_how_the_bytes_came(data: bytes, cuts: list[int]) -> None:
    whole = Console()
    whole.feed(data)
    parts = Console()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        parts.feed(data[start:end])
    assert parts.text == whole.text


ESCAPES = st.sampled_from(
    [
        b"\x1b[0m",
        b"\x1b[2J",
        b"\x1b]0;x\x07",
        b"\x1bc",
        b"\r\n",
        b"\r",
        b"\n",
        b"\x1b",
        b"[",
        b"\xff",
        b"a",
    ]
)


@given(st.lists(ESCAPES, max_size=40), st.integers(1, 7))
def test_escapes_split_anywhere_vanish_whole(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    whole, cut = Console(), Console()
    whole.feed(data)
    for start in range(0, len(data), size):
        cut.feed(data[start : start + size])
    assert cut.text == whole.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", cut.text)


@given(st.binary(max_size=5000), st.integers(0, 30000))
@settings(max_examples=50)
def test_pattern_is_found_wherever_it_lies(before: bytes, noise: int) -> None:
    watch = Watch(BootCheck(console="needle-in-it", within_seconds=5), signs=())
    watch.feed(before + b"\n" + b"x" * noise + b"needle-in-it" + b"y" * noise)
    assert watch.verdict(1, running=True) == Passed(weak=False)


def test_memory_is_bounded() -> None:
    watch = Watch(LOGIN)
    for _ in range(10):
        watch.feed(b"\x1b]" + b"z" * 100_000)
    assert len(watch.console.text) <= TAIL
    assert len(watch.console.tail()) <= TAIL_LINES * 301
    assert len(watch._window) <= 2 * WINDOW
