#!/usr/bin/env bash
# Installs the distribution's packages that are missing: packages.sh demo|test [--list]
# With --list it only says which those are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. setup/root.sh
. setup/python.sh

purpose=${1:-demo}
. /etc/os-release

if ! command -v apt-get >/dev/null; then
    echo "This machine has no apt. Install these by hand and run again:" >&2
    echo "  dnf install qemu-system-x86 qemu-img seabios-bin edk2-ovmf busybox libvirt-devel libxml2-devel \\" >&2
    echo "    libvirt-daemon libvirt-daemon-driver-qemu virt-v2v nbdkit guestfs-tools libguestfs kernel-core \\" >&2
    echo "    debootstrap grub2-pc-modules grub2-tools e2fsprogs cpio zstd gcc pkgconf-pkg-config \\" >&2
    echo "    python3-devel openssl util-linux chromium" >&2
    exit 1
fi

case "$ID ${ID_LIKE:-}" in
    *ubuntu*) kernel=linux-image-virtual ;;
    *) kernel=linux-image-cloud-amd64 ;;
esac

packages=(
    qemu-system-x86 qemu-utils seabios ovmf              # boots guests
    qemu-system-common                                   # qemu-storage-daemon: a running VM's disks
    libvirt-dev libvirt-daemon libvirt-daemon-driver-qemu # the local launcher
    libvirt-daemon-system  # makes the user that libvirt, run by root, looks up even when it is not used
    virt-v2v nbdkit guestfs-tools "$kernel"                     # converts them, in an appliance of this kernel
    busybox-static debootstrap debian-archive-keyring    # the guests of the demo and the tests
    grub-common grub-pc-bin e2fsprogs cpio fdisk zstd
    libxml2-dev                                          # ovirt-engine-sdk-python is built with it
    gcc pkg-config openssl util-linux ca-certificates
)
# A Python of the distribution leaves its headers and venv to other packages; others bring their own.
if [ "$(readlink -f "$PYTHON" | cut -d/ -f1-3)" = /usr/bin ]; then
    packages+=(python3-dev python3-venv)
fi
if [ "$purpose" = test ]; then
    if [[ "$ID ${ID_LIKE:-}" == *ubuntu* ]]; then
        packages+=(chromium-browser)
    else
        packages+=(chromium)
    fi
fi

# dpkg-query fails when it does not know one of them: the list of the rest is what is wanted.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
    grep -qx "installed $package" <<<"$installed" || missing+=("$package")
done

if [ ${#missing[@]} -eq 0 ]; then
    echo "packages: nothing to do"
elif [ "${2:-}" = --list ]; then
    echo "packages: missing ${missing[*]}"
    exit 1
else
    echo "packages: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    as_root "to read the package lists" apt-get update -q
    as_root "to install packages" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}" </dev/null
fi

# Ubuntu keeps kernels unreadable for ordinary users; libguestfs and the guests boot one.
for image in /boot/vmlinuz-*; do
    if [ -e "$image" ] && [ ! -r "$image" ]; then
        as_root "to let libguestfs read the kernel it boots" chmod 0644 "$image"
    fi
done
