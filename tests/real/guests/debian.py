"""A small Debian that boots from VMware's PVSCSI bus, and not from virtio before its conversion.

Made by debootstrap, as root. Its initramfs holds the drivers of its VMware hardware only, as
installers that look at the machine make them; so a boot from virtio-blk proves that the conversion
rebuilt the initramfs. It is kept slim because conversion time is the time of that rebuild.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.real.guests.grub import PARTITION, SECTOR, boot_record, core_image
from tests.real.parts import PartMissing

SIZE = 2 << 30
"""Bytes of the disk."""

HOSTNAME = "billing-db"
ROOT_UUID = "6d747600-0000-4000-8000-0000000d1234"

_SUITE = "bookworm"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# What GRUB 2.06, virt-v2v's appliance and Debian 12 all know, whatever mke2fs made this disk.
_EXT4 = (
    "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,"
    "large_file,huge_file,dir_nlink,extra_isize,metadata_csum"
)

_EXCLUDED = ("doc", "man", "info", "locale", "lintian", "i18n", "bash-completion", "zoneinfo")

_FILES = {
    "etc/hostname": f"{HOSTNAME}\n",
    "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {HOSTNAME}\n",
    # Pass 0: not checked at boot, so that the initramfs needs no fsck.
    "etc/fstab": f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 0\n",
    "etc/default/grub": 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="console=ttyS0,115200"\n',
    "etc/initramfs-tools/conf.d/slim": (
        "MODULES=list\nCOMPRESS=gzip\nCOMPRESSLEVEL=1\nRESUME=none\n"
    ),
    "etc/initramfs-tools/modules": "vmw_pvscsi\nsd_mod\n",
}

# Of no use to this guest, and each a part of a minute in an emulated conversion. A hook that is not
# executable is passed over (initramfs-tools(7)).
_HOOKS_LEFT_OUT = ("dmsetup", "fsck", "keymap", "resume", "thermal")

_MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"),
    *("e2scrub_reap.service", "fstrim.timer", "systemd-pstore.service", "getty@tty1.service"),
)

_PACKAGES = (
    *("initramfs-tools", "systemd-sysv", "udev", "dbus", "libpam-systemd", "kmod"),
    # GRUB itself we put on the disk; virt-v2v wants to see grub-mkconfig beside grub.cfg.
    "grub2-common",
)
_KERNEL = "linux-image-cloud-amd64"


def build_debian(target: Path) -> None:
    """Write the disk to `target`, sparse; asks sudo for root when needed. Takes minutes.

    Raises PartMissing without debootstrap, CalledProcessError with what failed on standard error.
    """
    if shutil.which("debootstrap", path=_root_path()) is None or not _KEYRING.exists():
        raise PartMissing("debootstrap with Debian's keyring", "run setup/packages.sh")
    argv = [sys.executable, "-m", "tests.real.guests.debian", str(target)]
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise PartMissing("root, for debootstrap", "run setup/guests.sh as root")
        print("Root is needed to make a Debian guest (debootstrap, chroot): sudo python ...")
        argv = ["sudo", "--", *argv]
    # -m finds this package from the project's directory, not from ours.
    subprocess.run(argv, check=True, cwd=Path(__file__).parents[3])


def _main(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="mtv-debian-", dir=target.parent) as directory:
        tree = Path(directory) / "tree"
        for step in (_bootstrap, _configure, _install, _strip):
            began = time.monotonic()
            step(tree)
            print(
                f"  debian: {step.__name__.strip('_')} {time.monotonic() - began:.0f} s", flush=True
            )
        _write_disk(tree, target)
    if "SUDO_UID" in os.environ:
        os.chown(target, int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))


def _bootstrap(tree: Path) -> None:
    argv = ["debootstrap", "--variant=minbase", f"--keyring={_KEYRING}"]
    _run([*argv, _SUITE, str(tree), *_mirror()])


def _configure(tree: Path) -> None:
    excluded = "".join(f"path-exclude=/usr/share/{name}/*\n" for name in _EXCLUDED)
    _write(tree, "etc/dpkg/dpkg.cfg.d/slim", f"{excluded}force-unsafe-io\n")
    # No service is to be started while packages are installed.
    _write(tree, "usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n").chmod(0o755)
    for name, text in _FILES.items():
        _write(tree, name, text)
    for unit in _MASKED:
        link = tree / "etc/systemd/system" / unit
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to("/dev/null")


def _install(tree: Path) -> None:
    apt = [
        "apt-get",
        "-y",
        "-q",
        "--no-install-recommends",
        "-o",
        "Dpkg::Options::=--force-confold",
    ]
    _run(["mount", "-t", "proc", "proc", str(tree / "proc")])
    try:
        _chroot(tree, *apt, "update")
        _chroot(tree, *apt, "install", *_PACKAGES)
        for hook in _HOOKS_LEFT_OUT:
            (tree / "usr/share/initramfs-tools/hooks" / hook).chmod(0o644)
        # Last: its installation makes the initramfs.
        _chroot(tree, *apt, "install", _KERNEL)
        _chroot(tree, "apt-get", "clean")
    finally:
        _run(["umount", str(tree / "proc")])


def _strip(tree: Path) -> None:
    (tree / "usr/sbin/policy-rc.d").unlink()
    for name in (*(f"usr/share/{each}" for each in _EXCLUDED), "var/lib/apt/lists", "var/log"):
        for entry in (tree / name).iterdir() if (tree / name).exists() else ():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    # Made at the first boot, so that two guests do not share it.
    (tree / "etc/machine-id").write_text("")
    (tree / "etc/resolv.conf").unlink(missing_ok=True)
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    version = kernel.name.removeprefix("vmlinuz-")
    _write(tree, "boot/grub/grub.cfg", _grub_config(version))


def _grub_config(version: str) -> str:
    return f"""\
set default=0
set timeout=0
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
menuentry 'Debian GNU/Linux' --class debian --class gnu-linux --class gnu --class os {{
\tsearch --no-floppy --fs-uuid --set=root {ROOT_UUID}
\tlinux /boot/vmlinuz-{version} root=UUID={ROOT_UUID} ro console=ttyS0,115200
\tinitrd /boot/initrd.img-{version}
}}
"""


def _write_disk(tree: Path, target: Path) -> None:
    modules: tuple[str, ...] = ("biosdisk", "part_msdos", "ext2", "search", "search_fs_uuid")
    modules += ("configfile", "normal", "linux", "boot", "serial", "terminal")
    with target.open("wb") as disk:
        disk.truncate(SIZE)
        disk.write(boot_record(SIZE, 0x83, b"debn"))
        disk.write(core_image("configfile (hd0,msdos1)/boot/grub/grub.cfg\n", modules))
    blocks = (SIZE - PARTITION * SECTOR) // 1024
    _run(
        [
            *("mke2fs", "-q", "-t", "ext4", "-O", _EXT4, "-U", ROOT_UUID, "-L", "root", "-m", "1"),
            *("-d", str(tree), "-E", f"offset={PARTITION * SECTOR}", str(target)),
            f"{blocks}k",
        ]
    )


def _mirror() -> list[str]:
    """The mirror this machine takes the suite from, or nothing: debootstrap knows one."""
    argv = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]
    output = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    for line in output.splitlines():
        release, _, uri = line.partition(" ")
        if release == _SUITE:
            return [uri]
    return []


def _write(tree: Path, name: str, text: str) -> Path:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _chroot(tree: Path, *command: str) -> None:
    environment = [
        "env",
        "-i",
        f"PATH={_root_path()}",
        "LC_ALL=C",
        "DEBIAN_FRONTEND=noninteractive",
    ]
    environment += [f"{key}={os.environ[key]}" for key in ("http_proxy",) if key in os.environ]
    _run(["chroot", str(tree), *environment, *command])


def _run(argv: Sequence[str]) -> None:
    environment = {**os.environ, "PATH": _root_path(), "LC_ALL": "C"}
    done = subprocess.run(
        argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stdout.decode("utf-8", "replace")[-4000:])
        raise subprocess.CalledProcessError(done.returncode, argv)


def _root_path() -> str:
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


if __name__ == "__main__":
    os.umask(0o022)
    _main(Path(sys.argv[1]))
