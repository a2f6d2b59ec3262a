"""The password of a source is in no file and no output of mtv, and on no command line."""

from collections.abc import Callable

from tests.driver import Mtv, processes_about
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter


def test_the_password_is_nowhere(
    planned: Callable[..., Mtv], estate: SmallEstate, vcenter: VCenter
) -> None:
    del estate
    project = planned("sensor", "web01")
    secret = vcenter.password
    process = project.start("sync")
    seen_on_argv = list[str]()
    while process.poll() is None:
        seen_on_argv += processes_about(secret)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stdout + stderr
    assert seen_on_argv == []
    report = project.run("report")
    for text in (stdout, stderr, report.stdout, report.stderr):
        assert secret not in text
    files = [path for path in project.directory.rglob("*") if path.is_file()]
    assert any(path.name == "journal.db" for path in files)
    for path in files:
        assert secret.encode() not in path.read_bytes(), path
