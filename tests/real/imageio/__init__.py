"""The data path of the test RHV engine: ovirt-imageio's own daemon over QEMU's programs.

`host.py` is what an engine and its hosts do between a request and a daemon: tickets, qemu-nbd for
disks at rest, qemu-storage-daemon as the running VM (`machine.py`), chains of images (`images.py`).
"""

import shutil
from pathlib import Path

from tests.real.cache import cache_directory, digest_of_files
from tests.real.parts import PartMissing, require

_HERE = Path(__file__).parent


def imageio_program() -> Path:
    """Return ovirt-imageio's daemon; raise PartMissing when setup/imageio.sh has not run."""
    home = cache_directory() / f"imageio-{digest_of_files([_HERE / 'packages.txt'])}"
    if not (home / "made").is_file():
        raise PartMissing("ovirt-imageio", "run setup/imageio.sh")
    return home / "bin/ovirt-imageio"


def need_data_path() -> None:
    """Raise PartMissing unless all that the data path consists of is on this machine."""
    imageio_program()
    for program in ("qemu-img", "qemu-nbd", "qemu-storage-daemon"):
        if shutil.which(program) is None:
            raise PartMissing(program, "run setup/packages.sh test")


def require_data_path() -> None:
    """Skip the running test or module when a part of it is missing, and fail it in CI."""
    try:
        need_data_path()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
