"""Makes the VMs that `specs` describes."""

import re
import uuid
from pathlib import Path
from typing import Any

from pyVmomi import VmomiSupport, vim

from tests.real.wide_vsphere import devices
from tests.real.wide_vsphere.api import Api
from tests.real.wide_vsphere.specs import Disk, Machine, machines
from tests.real.wide_vsphere.storage import VSAN, VSAN_DIRECTORY, Policies
from tests.real.wide_vsphere.switches import OPAQUE_ID, switch_of

_NAMESPACE = uuid.UUID("6d747600-0000-4000-8000-000000000001")


class Maker:
    """Makes VMs one after the other; later ones may share disks with earlier ones."""

    def __init__(
        self,
        api: Api,
        clusters: dict[str, Any],
        pools: dict[str, Any],
        policies: Policies,
    ) -> None:
        self._api = api
        self._clusters = clusters
        self._pools = pools
        self._policies = policies
        self._networks = api.networks()
        self._switches = {
            name: switch_of(api, network)
            for name, network in self._networks.items()
            if isinstance(network, vim.dvs.DistributedVirtualPortgroup)
        }
        self._folders: dict[str, Any] = {"": api.datacenter.vmFolder}
        self._files: dict[str, list[str]] = {}
        self.made: dict[str, Any] = {}

    def make_all(self) -> dict[str, Any]:
        """Make every VM, in its power state; by name."""
        for number, machine in enumerate(machines()):
            try:
                self.made[machine.name] = self._make(number, machine)
            except Exception as problem:
                problem.add_note(f"while making {machine.name}")
                raise
        return self.made

    @property
    def folders(self) -> dict[str, Any]:
        """The folders by path."""
        return self._folders

    def _folder(self, path: str) -> Any:
        if path not in self._folders:
            parent, _, name = path.rpartition("/")
            self._folders[path] = self._folder(parent).CreateFolder(escaped(name))
        return self._folders[path]

    def _make(self, number: int, machine: Machine) -> Any:
        api = self._api
        home = self._home(machine)
        changes = [
            vim.vm.device.VirtualDeviceSpec(device=device, operation="add")
            for device in self._controllers(machine)
        ]
        changes += self._disks(machine, home)
        macs = [f"00:50:56:10:{number:02x}:{nic:02x}" for nic in range(len(machine.nics))]
        others = [*self._nics(machine, macs), *machine.others(home)]
        changes += [
            vim.vm.device.VirtualDeviceSpec(device=device, operation="add") for device in others
        ]
        cluster = self._clusters[machine.cluster]
        identity = {
            "name": escaped(machine.name),
            "guestId": machine.guest,
            "uuid": str(uuid.uuid5(_NAMESPACE, machine.name)),
            "instanceUuid": str(uuid.uuid5(_NAMESPACE, f"instance {machine.name}")),
            "numCPUs": 1,
            "memoryMB": 512,
            "version": "vmx-19",
            "files": vim.vm.FileInfo(vmPathName=f"{home}/{_file_name(machine)}.vmx"),
            "deviceChange": changes,
            "extraConfig": [
                vim.option.OptionValue(key=key, value=value)
                for key, value in {
                    "nvram": f"{_file_name(machine)}.nvram",
                    **machine.options,
                }.items()
            ],
            "vmProfile": self._profile(machine.home_policy),
            "changeTrackingEnabled": bool(machine.options.get("ctkEnabled")),
        }
        config = vim.vm.ConfigSpec(**{**identity, **machine.config})
        pool = self._pools[machine.pool] if machine.pool else cluster.resourcePool
        folder = self._folder(machine.folder)
        vm = api.result(folder.CreateVM_Task(config=config, pool=pool, host=cluster.host[0]))
        self._fill(machine, home)
        vm.RefreshStorageInfo()
        self._finish(machine, vm, macs)
        return vm

    def _home(self, machine: Machine) -> str:
        datastore = machine.disks[0].datastore
        name = VSAN_DIRECTORY if datastore == VSAN else _file_name(machine)
        for each in {disk.datastore for disk in machine.disks}:
            directory = self._api.vcenter.datastore_directory(each) / name
            directory.mkdir(exist_ok=True)
        return f"[{datastore}] {name}"

    def _controllers(self, machine: Machine) -> list[Any]:
        wanted = dict.fromkeys((disk.controller, disk.bus) for disk in machine.disks)
        return [
            devices.controller(kind, bus, machine.bus_sharing if bus else "noSharing")
            for kind, bus in wanted
            if kind != "ide"
        ]

    def _disks(self, machine: Machine, home: str) -> list[Any]:
        made = []
        units: dict[int, int] = {}
        files = self._files[machine.name] = list[str]()
        for number, disk in enumerate(machine.disks):
            key = devices.CONTROLLERS[disk.controller][1] + disk.bus
            unit = units.get(key, 0)
            scsi = 1000 <= key < 2000
            units[key] = unit + (2 if scsi and unit == 6 else 1)
            files.append(self._file(machine, disk, number, home))
            backing = disk.backing(files[-1])
            if hasattr(backing, "uuid"):
                backing.uuid = str(uuid.uuid5(_NAMESPACE, files[-1]))
            made.append(
                vim.vm.device.VirtualDeviceSpec(
                    device=devices.disk(backing, disk.size, 2000 + number, key, unit, **disk.more),
                    operation="add",
                    fileOperation=None if disk.shared_with else "create",
                    profile=self._profile(disk.policy),
                )
            )
        return made

    def _file(self, machine: Machine, disk: Disk, number: int, home: str) -> str:
        if disk.shared_with:
            return self._files[disk.shared_with][number]
        suffix = f"_{number}" if number else ""
        directory = home.partition("] ")[2]
        return f"[{disk.datastore}] {directory}/{_file_name(machine)}{suffix}.vmdk"

    def _profile(self, policy: str) -> list[Any]:
        if not policy:
            return []
        return [vim.vm.DefinedProfileSpec(profileId=self._policies.ids[policy])]

    def _nics(self, machine: Machine, macs: list[str]) -> list[Any]:
        made = []
        for number, (nic, mac) in enumerate(zip(machine.nics, macs, strict=True)):
            network = self._networks[nic.network]
            if isinstance(network, vim.OpaqueNetwork):
                continue
            if nic.network in self._switches:
                backing = devices.on_group(network, self._switches[nic.network])
            else:
                backing = devices.on_network(network, nic.network)
            if nic.kind == "sriov":
                made.append(devices.sriov(backing, mac))
            else:
                made.append(devices.nic(nic.kind, backing, number, mac, nic.start))
        return made

    def _fill(self, machine: Machine, home: str) -> None:
        """Sparse content for the disks, and an NVRAM of the size that firmware writes."""
        for disk, name in zip(machine.disks, self._files[machine.name], strict=True):
            path = self._path(name)
            with path.with_name(f"{path.stem}-flat.vmdk").open("ab") as file:
                file.truncate(disk.size)
        size = 270_840 if machine.config.get("firmware") == "efi" else 8_684
        for nvram in self._path(f"{home}/x").parent.glob("*.nvram"):
            nvram.write_bytes(bytes(size))

    def _path(self, name: str) -> Path:
        datastore, _, relative = name[1:].partition("] ")
        return self._api.vcenter.datastore_directory(datastore) / relative

    def _finish(self, machine: Machine, vm: Any, macs: list[str]) -> None:
        api = self._api
        self._plug_into_opaque(machine, vm, macs)
        if machine.video:
            edit = vim.vm.device.VirtualDeviceSpec(device=machine.video, operation="edit")
            api.result(vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[edit])))
        if machine.snapshots:
            self._take_snapshots(vm)
        if machine.template:
            vm.MarkAsTemplate()
        if machine.power != "off":
            api.result(vm.PowerOnVM_Task())
            self._report_guest(machine, vm, macs)
        if machine.power == "suspended":
            api.result(vm.SuspendVM_Task())
        if machine.pool.startswith("vapp:"):
            api.vcenter.set_properties((vm, "parentVApp", self._pools[machine.pool]))

    def _plug_into_opaque(self, machine: Machine, vm: Any, macs: list[str]) -> None:
        """NICs on opaque networks: the simulator would put them elsewhere, so they are put in."""
        for number, (nic, mac) in enumerate(zip(machine.nics, macs, strict=True)):
            network = self._networks[nic.network]
            if not isinstance(network, vim.OpaqueNetwork):
                continue
            backing = devices.on_opaque(OPAQUE_ID)
            plugged = self._api.leaf(vm, "config.hardware.device")
            plugged.append(devices.nic(nic.kind, backing, number, mac, nic.start))
            networks = VmomiSupport.GetVmodlType("vim.ManagedEntity[]")([network])
            self._api.vcenter.set_properties(
                (vm, "config.hardware.device", plugged), (vm, "network", networks)
            )

    def _take_snapshots(self, vm: Any) -> None:
        """`clean` with two children, `patched` and `before the move`."""

        def take(name: str) -> Any:
            return self._api.result(
                vm.CreateSnapshot_Task(
                    name=name, description=f"{name}, by hand", memory=False, quiesce=True
                )
            )

        root = take("clean")
        take("patched")
        self._api.result(root.RevertToSnapshot_Task())
        take("before the move")

    def _report_guest(self, machine: Machine, vm: Any, macs: list[str]) -> None:
        """What VMware Tools would say."""
        host = re.sub("[^a-z0-9]+", "-", machine.name.lower()).strip("-") or "guest"
        guest = vim.vm.GuestInfo
        ip, strings = vim.net.IpConfigInfo, VmomiSupport.GetVmodlType("string[]")
        nics = [
            guest.NicInfo(
                network=nic.network,
                macAddress=mac,
                connected=nic.start,
                deviceConfigId=4000 + number,
                ipAddress=[address] if address else [],
                ipConfig=ip(
                    ipAddress=[
                        ip.IpAddress(
                            ipAddress=address,
                            prefixLength=64 if ":" in address else 24,
                            origin="manual",
                            state="preferred",
                        )
                    ]
                    if address
                    else []
                ),
            )
            for number, (nic, mac, address) in enumerate(
                zip(machine.nics, macs, machine.addresses or ("",) * len(macs), strict=True)
            )
        ]
        route = vim.net.IpRouteConfigInfo
        first = next((each for each in machine.addresses if "." in each), "10.0.0.9")
        gateway = first.rpartition(".")[0] + ".1"
        stack = guest.StackInfo(
            dnsConfig=vim.net.DnsConfigInfo(
                dhcp=False,
                hostName=host,
                domainName="corp.example",
                ipAddress=strings(["10.0.0.53", "10.0.0.54"]),
                searchDomain=strings(["corp.example", "example"]),
            ),
            ipRouteConfig=route(
                ipRoute=[
                    route.IpRoute(
                        network="0.0.0.0",  # noqa: S104
                        prefixLength=0,
                        gateway=route.Gateway(ipAddress=gateway, device="0"),
                    ),
                    route.IpRoute(
                        network="172.16.0.0",
                        prefixLength=12,
                        gateway=route.Gateway(ipAddress=gateway, device="0"),
                    ),
                ]
            ),
        )
        disks = [
            guest.DiskInfo(
                diskPath=path,
                capacity=capacity,
                freeSpace=capacity * 3 // 8,
                filesystemType=kind,
            )
            for path, capacity, kind in (
                (("C:\\", 3 << 20, "NTFS"), ("D:\\", 7 << 20, "NTFS"))
                if machine.guest.startswith("windows")
                else (("/", 3 << 20, "ext4"), ("/boot", 1 << 20, "xfs"))
            )
        ]

        def array(kind: str, values: list[Any]) -> Any:
            return VmomiSupport.GetVmodlType(f"vim.vm.GuestInfo.{kind}[]")(values)

        self._api.vcenter.set_properties(
            (vm, "guest.toolsStatus", "toolsOld"),
            (vm, "guest.toolsRunningStatus", "guestToolsRunning"),
            (vm, "guest.toolsVersionStatus2", "guestToolsSupportedOld"),
            (vm, "guest.toolsVersion", "11365"),
            (vm, "guest.guestState", "running"),
            (vm, "guest.hostName", f"{host}.corp.example"),
            (vm, "guest.ipAddress", first),
            (vm, "guest.guestFullName", f"a guest of the kind {machine.guest}"),
            (vm, "guest.guestId", machine.guest),
            (vm, "guest.net", array("NicInfo", nics)),
            (vm, "guest.ipStack", array("StackInfo", [stack])),
            (vm, "guest.disk", array("DiskInfo", disks)),
            (vm, "summary.guest.hostName", f"{host}.corp.example"),
            (vm, "summary.guest.ipAddress", first),
        )


def escaped(name: str) -> str:
    """A name as a client has to hand it to vCenter."""
    return name.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")


def _file_name(machine: Machine) -> str:
    """Directories are named like their VM, but vSphere leaves out what file systems dislike."""
    return re.sub(r'[/\\%"&]', "_", machine.name)
