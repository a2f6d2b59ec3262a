"""A real browser shows the report, runs nothing in it, and asks nobody for anything."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtv.report.pages import files
from tests.real.parts import require
from tests.report.runs import parsed, shop_facts
from tests.report.test_pages import HOSTILE, hostile_page

QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"),
)


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    require("chromium", found is not None, "install the package chromium (setup/packages.sh test)")
    return str(found)


@pytest.fixture
def refusing_proxy() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that writes down what it is asked for and serves nothing."""
    asked = list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.settimeout(5)
                    try:
                        asked.append(client.recv(300))
                    except OSError:
                        asked.append(b"")

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)


def browse(chromium: str, profile: Path, *arguments: str) -> str:
    """What the browser writes on standard output."""
    ended = subprocess.run(
        [chromium, *QUIET, f"--user-data-dir={profile}", *arguments],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


def page_in(directory: Path, text: str) -> str:
    path = directory / "index.html"
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


def test_a_browser_shows_every_vm(chromium: str, tmp_path: Path) -> None:
    url = page_in(tmp_path, files(shop_facts(tmp_path))["index.html"])
    document = parsed(browse(chromium, tmp_path / "profile", "--dump-dom", url))
    rows = document.xpath("//table[@id='vms']/tbody/tr")
    assert [row.xpath("string(td[1]/a)") for row in rows] == [
        *("web01", "db01", "Alte Buchhaltung (2019)", "cache", "worker", "spare")
    ]
    assert rows[0].xpath("string(td[5])").strip() == "over"
    assert document.xpath("string(//title)") == "Migration report"


def test_a_browser_runs_nothing_that_a_source_says(
    chromium: str, tmp_path: Path, refusing_proxy: tuple[str, list[bytes]]
) -> None:
    proxy, asked = refusing_proxy
    url = page_in(tmp_path, hostile_page(tmp_path))
    dumped = browse(chromium, tmp_path / "profile", f"--proxy-server={proxy}", "--dump-dom", url)
    document = parsed(dumped)
    assert document.xpath("string(//title)") == "Migration report"
    assert document.xpath("string(//table[@id='vms']/tbody/tr[1]/td[1]/a)") == HOSTILE
    assert not document.xpath("//script|//img")
    # The browser itself may ask its maker for news; the page asks for nothing.
    assert [each for each in asked if b"index.html" in each or b"//x" in each] == []


def test_the_browser_would_run_a_script(chromium: str, tmp_path: Path) -> None:
    """What the test above rests on."""
    url = page_in(tmp_path, f"<title>Migration report</title>{HOSTILE}")
    dumped = browse(chromium, tmp_path / "profile", "--dump-dom", url)
    assert parsed(dumped).xpath("string(//title)") == "run"


def test_the_page_can_be_looked_at(chromium: str, tmp_path: Path) -> None:
    url = page_in(tmp_path, files(shop_facts(tmp_path))["index.html"])
    picture = tmp_path / "page.png"
    browse(
        *(chromium, tmp_path / "profile", f"--screenshot={picture}"),
        *("--window-size=1280,2400", url),
    )
    content = picture.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(content) > 50_000, "the picture is as good as empty"
