"""What virt-v2v says, and what is made of it."""

import json
from pathlib import Path

import pytest

from mtv.convert.messages import Message, Messages, convert_failed, relevant_lines
from mtv.mappings import convert_signs

BLANK_DISK = (
    "inspection could not detect the source guest (or physical machine).\n\nAssuming that you are"
    " running virt-v2v/virt-p2v on a source which is supported (and not, for example, a blank"
    " disk), then this should not happen.\n\nNo root device found in this operating system image."
)

# As virt-v2v and libguestfs write them (message texts of virt-v2v 2.2 and libguestfs 1.48).
EXAMPLES = {
    "no-operating-system": BLANK_DISK,
    "hibernated": (
        "unable to mount the disk image for writing. This has probably happened because Windows"
        " Hibernation or Fast Restart is being used in this guest."
    ),
    "dirty-file-system": "filesystem was mounted read-only, even though we asked for read-write",
    "encrypted": "could not find key to open LUKS encrypted /dev/sda2",
    "guest-full": "not enough free space for conversion on filesystem '/boot'. 1.2 MB free < 50 MB",
    "scratch-full": (
        "insufficient free space in the conversion server temporary directory /var/tmp (512 MB)."
    ),
    "no-virtio-drivers": "there are no virtio drivers available: virtio-win not found",
    "no-kernel": "no installed kernel packages were found",
    "no-appliance": "libguestfs error: guestfs_launch failed.",
    "dynamic-disk": "this guest has a Windows dynamic disk",
}


def test_every_sign_has_an_example() -> None:
    assert [sign.id for sign in convert_signs()] == list(EXAMPLES)


@pytest.mark.parametrize("sign", EXAMPLES)
def test_known_reason_gets_its_sentence_and_remedy(sign: str) -> None:
    row = next(each for each in convert_signs() if each.id == sign)
    error = convert_failed("web01", (EXAMPLES[sign],), "", "/runs/w1/convert.log")
    assert error.message.startswith(f"web01 could not be converted: {row.says};")
    assert row.remedy in error.hint
    assert "/runs/w1/convert.log" in error.hint


def test_unknown_reason_is_said_as_it_is() -> None:
    error = convert_failed("web01", ("the moon is full\n",), "", "/log")
    assert "the moon is full" in error.message
    assert "/log" in error.hint


def test_without_a_reason_the_log_is_searched() -> None:
    log = "noise\nlibguestfs: error: appliance closed the connection unexpectedly\n"
    error = convert_failed("web01", (), log, "/log")
    assert "could not start its helper VM" in error.message
    assert "appliance closed" in error.message


def test_relevant_lines_leave_the_chatter_out() -> None:
    log = "\n".join(
        [
            "libguestfs: trace: v2v: mount = -1 (error)",
            "libguestfs: error: mount: not found",
            "/init: line 108: echo: write error: Invalid argument",
            "all is well",
            "mount: wrong fs type, I/O error \x1b[31m" + "x" * 1000,
            "libguestfs: error: mount: not found",
        ]
    )
    first, second = relevant_lines(log)
    assert first.startswith("mount: wrong fs type")
    assert "\x1b" not in first
    assert len(first) <= 300
    assert second == "libguestfs: error: mount: not found"


def test_messages_are_followed_as_they_grow(tmp_path: Path) -> None:
    path = tmp_path / "messages.json"
    seen: list[Message] = []
    messages = Messages(path, seen.append)
    messages.poll()
    line = json.dumps({"message": "Opening the source", "timestamp": "x", "type": "message"})
    with path.open("a") as file:
        file.write(line[:20])
        file.flush()
        messages.poll()
        assert not seen
        file.write(
            line[20:]
            + "\nnot json\n[]\n"
            + json.dumps({"message": "a\x1b[0mb\n\nc", "type": "warning"})
        )
        file.write("\n")
        file.flush()
        messages.poll()
    assert [each.message for each in seen] == ["Opening the source", "a[0mb c"]
    assert messages.texts("warning") == ("a[0mb c",)
