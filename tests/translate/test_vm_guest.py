"""What runs in the guest, how it is known on its networks, and keys without a schema."""

from typing import Any

import pytest

from mtv.knowledge.versions import versions
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Address, Guest, GuestNic, Initialization, Vm
from mtv.translate import Translation
from mtv.translate.explain import explain
from mtv.translate.ledger import rows_of
from mtv.translate.vm.network_identity import LONGEST, note
from tests.estates import inventory, plain_nic, plain_snapshot, plain_vm, translated
from tests.estates import translated_inventory as translated_whole
from tests.real.schemas import require_schemas
from tests.translate.whole import PRODUCTS, whole
from tests.validation import faults

MAC = "00:50:56:9a:00:01"
POD = "dvportgroup-8"


def card(name: str | None = None, *addresses: Address, mac: str | None = MAC) -> GuestNic:
    return GuestNic(mac=mac, name=name, nic="4000", addresses=addresses)


def fixed(address: str) -> Address:
    return Address(address=address, prefix=24, origin="manual")


def guest(**fields: Any) -> Guest:
    return Guest(**fields)


def manifest(translation: Translation, number: int = 0) -> dict[str, Any]:
    vm = translation.vms[number]
    made: dict[str, Any] = translation.manifests(vm)[0]
    return made


def template(translation: Translation) -> dict[str, Any]:
    spec: dict[str, Any] = manifest(translation)["spec"]["template"]["spec"]
    return spec


def noted(translation: Translation, key: str) -> str | None:
    found: str | None = manifest(translation)["metadata"]["annotations"].get(f"mtv.migration/{key}")
    return found


def found(translation: Translation, row: str) -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


def only(translation: Translation, row: str) -> Finding:
    (finding,) = found(translation, row)
    return finding


def reported(vm: Vm, path: str, **changes: Any) -> list[str]:
    ledger = translated_whole(inventory(vm, **changes)).ledger
    return [each.says for each in ledger.entries if each.path == path]


# guest.hostname


@pytest.mark.parametrize(
    ("told", "hostname"),
    [
        ("db.example.com", "db"),
        ("DB", "db"),
        ("web01.corp.example", None),  # the VM's own name, which KubeVirt tells anyway
        ("localhost.localdomain", None),
        ("", None),
        ("-odd-.example.com", None),
        ("has space", None),
        ("under_score", None),
        ("ümlaut", None),
        ("x" * 64, None),
        ("x" * 63, "x" * 63),
        (".example.com", None),
        ("db\n", None),
    ],
)
def test_guest_hostname_is_told_where_it_is_another(told: str, hostname: str | None) -> None:
    """guest.hostname"""
    assert template(translated(plain_vm(guest=guest(hostname=told)))).get("hostname") == hostname


def test_a_vm_without_an_agent_has_no_hostname_of_its_own() -> None:
    """guest.hostname"""
    assert "hostname" not in template(translated(plain_vm()))
    assert "hostname" not in template(translated(plain_vm(guest=guest())))


def test_a_name_that_cloud_init_once_gave_is_not_the_guests() -> None:
    """guest.hostname, initialization.values"""
    vm = plain_vm(initialization=Initialization(kind="cloud-init", hostname="db"))
    assert "hostname" not in template(translated(vm))


# guest.system


def test_the_system_that_an_agent_reports_is_kept() -> None:
    """guest.system"""
    told = guest(name="Debian GNU/Linux 12", id="debian12_64Guest", kernel="6.1.0")
    translation = translated(plain_vm(guest=told))
    assert noted(translation, "source-system") == (
        "Debian GNU/Linux 12, debian12_64Guest, kernel 6.1.0"
    )
    assert found(translation, "guest.system") == []
    assert len(noted(translated(plain_vm(guest=guest(name="x" * 9999))), "source-system") or "") < (
        300
    )


def test_a_system_that_is_another_than_the_configured_one_is_told() -> None:
    """guest.system"""
    vms = [plain_vm(id=f"vm-{n}", name=f"n{n}", guest=guest(id="windows9Server64Guest"))
           for n in (1, 2)]  # fmt: skip
    finding = only(translated(*vms), "guest.system")
    assert finding.category is Category.WARNING
    assert "Microsoft Windows" in finding.says
    assert "Debian" in finding.says
    assert "2 VMs (n1, n2)" in finding.says


@pytest.mark.parametrize("reports", ["otherLinux64Guest", "nobody-knows", "debian11_64Guest"])
def test_a_system_that_may_be_the_configured_one_is_not_told(reports: str) -> None:
    """guest.system"""
    assert found(translated(plain_vm(guest=guest(id=reports))), "guest.system") == []


# guest.addresses


def test_addresses_are_noted_and_not_configured() -> None:
    """guest.addresses"""
    nics = (
        card("ens192", fixed("10.0.0.5"), Address(address="fe80::1", prefix=64)),
        card("ens224", Address(address="2001:db8::5"), mac="00:50:56:9A:00:02"),
    )
    translation = translated(plain_vm(guest=guest(address="10.0.0.5", nics=nics)))
    assert noted(translation, "source-addresses") == (
        f"{MAC} 10.0.0.5/24 manual; 00:50:56:9a:00:02 2001:db8::5"
    )
    spec = template(translation)
    assert "dnsConfig" not in spec
    assert [each["name"] for each in spec["volumes"]] == ["disk-2000"]
    assert found(translation, "guest.addresses") == []


@pytest.mark.parametrize(
    "told",
    [
        guest(),
        guest(nics=(card("ens192"),)),
        guest(nics=(card(None, fixed("none")),)),
        guest(nics=(card(None, fixed("127.0.0.1")),)),
        guest(nics=(card(None, fixed("10.0.0.5"), mac=None),)),
        guest(nics=(GuestNic(mac=MAC, addresses=(fixed("172.17.0.1"),)),)),  # a bridge in it
        guest(address="nowhere"),
    ],
)
def test_what_is_no_address_of_a_card_is_not_noted(told: Guest) -> None:
    """guest.addresses"""
    assert noted(translated(plain_vm(guest=told)), "source-addresses") is None


def test_an_address_that_no_card_has_is_noted_as_the_primary_one() -> None:
    """guest.addresses"""
    translation = translated(plain_vm(guest=guest(address="10.0.0.9")))
    assert noted(translation, "source-addresses") == "primary 10.0.0.9"


def test_a_note_of_very_many_addresses_ends_somewhere() -> None:
    """guest.addresses"""
    nics = tuple(card(None, fixed(f"10.0.{n}.1"), mac=f"00:50:56:00:00:{n:02x}") for n in range(99))
    text = note(guest(nics=nics))
    assert len(text) <= LONGEST + 5
    assert text.endswith("; ...")


def test_guests_on_the_pod_network_lose_their_addresses() -> None:
    """guest.addresses"""
    vms = [
        plain_vm(
            id=f"vm-{n}",
            name=f"n{n}",
            nics=(plain_nic(network=POD, mac=f"00:50:56:9a:00:0{n}"),),
            guest=guest(nics=(card(None, fixed(f"10.0.0.{n}"), mac=f"00:50:56:9A:00:0{n}"),)),
        )
        for n in (1, 2)
    ]
    finding = only(translated(*vms), "guest.addresses")
    assert (finding.category, finding.ref) == (Category.WARNING, f"vc1/{POD}")
    assert "n1 10.0.0.1/24 manual, n2 10.0.0.2/24 manual" in finding.says
    assert finding.holds_back == ()


def test_a_card_that_the_target_does_not_get_loses_nothing() -> None:
    """guest.addresses"""
    vm = plain_vm(
        nics=(plain_nic(network=POD, plugged=False),),
        guest=guest(nics=(card(None, fixed("10.0.0.5")),)),
    )
    assert found(translated(vm), "guest.addresses") == []


# guest.interface-names, guest.pci-address


@pytest.mark.parametrize(
    ("guest_id", "family", "remedy"),
    [
        ("debian12_64Guest", "Linux", "MACAddress"),
        ("windows9Server64Guest", "Windows", "New-NetIPAddress"),
        ("freebsd13_64Guest", "other systems", "rc.conf"),
    ],
)
def test_names_of_cards_change_in_each_family(guest_id: str, family: str, remedy: str) -> None:
    """guest.interface-names"""
    finding = only(translated(plain_vm(guest_id=guest_id)), "guest.interface-names")
    assert finding.category is Category.INFORMATION
    assert f"1 guest with {family} (web01)" in finding.says
    assert remedy in finding.remedy


def test_fixed_addresses_make_a_change_of_names_a_warning() -> None:
    """guest.interface-names"""
    vm = plain_vm(guest=guest(nics=(card("ens192", fixed("10.0.0.5")),)))
    finding = only(translated(vm), "guest.interface-names")
    assert finding.category is Category.WARNING
    assert "now they are called ens192; with fixed addresses: 1" in finding.says


def test_names_that_only_count_the_cards_stay() -> None:
    """guest.interface-names"""
    stays = plain_vm(guest=guest(nics=(card("eth0", fixed("10.0.0.5")),)))
    assert found(translated(stays), "guest.interface-names") == []
    assert found(translated(plain_vm(nics=())), "guest.interface-names") == []


def test_there_is_one_finding_for_all_guests_of_a_family() -> None:
    """guest.interface-names"""
    vms = [plain_vm(id=f"vm-{n}", name=f"n{n}") for n in range(20)]
    finding = only(translated(*vms), "guest.interface-names")
    assert "20 guests with Linux (n0, n1, n2, n3, n4, n5 and 14 more)" in finding.says


def test_a_pci_address_is_reported() -> None:
    """guest.pci-address"""
    vm = plain_vm(nics=(plain_nic(pci_address="0000:0b:00.0"),))
    (says,) = reported(vm, "vms[].nics[].pci_address")
    assert "0000:0b:00.0" in says
    assert "pciAddress" not in str(template(translated(vm)))


# guest.agent, guest.facts, guest.network-settings, guest.cards, guest.agent-state


def test_an_agent_of_the_old_platform_is_reported() -> None:
    """guest.agent"""
    (says,) = reported(plain_vm(guest=guest(agent_kind="open-vm-tools")), "vms[].guest.agent_kind")
    assert "install qemu-guest-agent" in says
    told = plain_vm(guest=guest(agent_kind="qemu-guest-agent"))
    assert reported(told, "vms[].guest.agent_kind") == []


@pytest.mark.parametrize("product", PRODUCTS)
def test_what_stays_on_the_guests_disk_is_ignored_with_a_reason(product: str) -> None:
    """guest.facts, guest.network-settings, guest.cards, guest.agent-state, initialization.values"""
    translation = whole(product).translate()
    placed = translation.site.estate.find_object(f"{translation.site.estate.inventories[0].source}"
                                                 "/vm-guest")  # fmt: skip
    rows = {each.path: each.row for each in explain(placed, translation).properties}
    assert rows["guest.file_systems[].path"] == "guest.facts"
    assert rows["guest.routes[].gateway"] == "guest.network-settings"
    assert rows["guest.nics[].network"] == "guest.cards"
    assert rows["guest.heartbeat"] == "guest.agent-state"
    assert rows["initialization.authorized_keys[]"] == "initialization.values"
    assert "unaccounted" not in rows.values()


# initialization


@pytest.mark.parametrize("product", PRODUCTS)
def test_what_cloud_init_was_told_is_never_written_again(product: str) -> None:
    """initialization, initialization.values"""
    translation = whole(product).translate()
    finding = only(translation, "initialization")
    assert finding.category is Category.WARNING
    assert "cloud-init.disabled" in finding.remedy
    written = str(list(translation.every_manifest())) + str(translation.findings)
    assert "ssh-ed25519" not in written
    assert "cloud-user" not in written
    assert "cloudInit" not in written


def test_vms_of_sysprep_need_nothing() -> None:
    """initialization"""
    vm = plain_vm(initialization=Initialization(kind="sysprep", has_script=True))
    finding = only(translated(vm), "initialization")
    assert (finding.category, finding.remedy.partition(":")[0]) == (
        Category.INFORMATION,
        "nothing",
    )


def test_an_initialization_without_a_kind_counts_as_cloud_init() -> None:
    """initialization: an OVA does not say it"""
    finding = only(translated(plain_vm(initialization=Initialization(user="me"))), "initialization")
    assert "cloud-init set them up" in finding.says


# extra-config


def test_keys_that_matter_are_told_once_for_all_vms() -> None:
    """extra-config"""
    vms = [
        plain_vm(id=f"vm-{n}", name=f"n{n}", extra_config={"hypervisor.cpuid.v0": "FALSE"})
        for n in (1, 2)
    ]
    finding = only(translated(*vms), "extra-config")
    assert (finding.category, finding.ref) == (Category.WARNING, "vc1/vm-1")
    assert finding.says.startswith("hypervisor.cpuid.v0: the hypervisor is hidden")
    assert finding.says.endswith("2 VMs (n1, n2)")
    assert "features.kvm.hidden" in finding.remedy


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {
            "nvram": "a.nvram",
            "ethernet0.pciSlotNumber": "192",
            "viv.moid": "x",
            "svga.present": "1",
        },
        {"disk.EnableUUID": "FALSE", "hypervisor.cpuid.v0": "TRUE"},
        {"guestinfo.vmtools.buildNumber": "1", "numa.autosize.cookie": "20022"},
    ],
)
def test_keys_that_every_vm_has_are_not_told(extra: dict[str, str]) -> None:
    """extra-config"""
    assert found(translated(plain_vm(extra_config=extra)), "extra-config") == []


def test_keys_that_nobody_knows_are_told_together() -> None:
    """extra-config"""
    vms = [
        plain_vm(
            id=f"vm-{n}", name=f"n{n}", extra_config={"acme.id": str(n), f"own{n}": "secret words"}
        )
        for n in range(9)
    ]
    finding = only(translated(*vms), "extra-config")
    assert finding.category is Category.INFORMATION
    assert "acme.id (9), own0 (1)" in finding.says
    assert "and 4 more" in finding.says
    assert "secret words" not in finding.says


def test_a_hostile_key_is_shown_short_and_on_one_line() -> None:
    """extra-config"""
    finding = only(translated(plain_vm(extra_config={"a\nb" + "x" * 999: "1"})), "extra-config")
    assert "\n" not in finding.says
    assert "a?bxxx" in finding.says
    assert len(finding.says) < 300


def test_custom_properties_of_rhv_have_a_table_of_their_own() -> None:
    """extra-config"""
    whole_ = whole("rhv")
    vm = next(each for each in whole_.inventory.vms if each.id == "vm-guest")
    assert vm.extra_config == {"sap_agent": "TRUE"}
    told = [each.says for each in found(whole_.translate(), "extra-config")]
    assert any("SAP" in says for says in told)


# snapshots.*, vm.files, vm.encrypted and the like


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("vms[].snapshots[].kind", "preview", 1),  # snapshots.layers
        ("vms[].snapshots[].kind", "active", 0),
        ("vms[].snapshots[].kind", "regular", 0),
        ("vms[].snapshots[].status", "locked", 1),  # snapshots.state
        ("vms[].snapshots[].status", "ok", 0),
        ("vms[].snapshots[].description", "before", 0),  # snapshots.facts
        ("vms[].encrypted", True, 1),  # vm.encrypted
        ("vms[].encrypted", False, 0),
        ("vms[].consolidation_needed", True, 1),  # vm.consolidation
        ("vms[].consolidation_needed", False, 0),
        ("vms[].has_illegal_images", True, 1),  # vm.illegal-images
        ("vms[].has_illegal_images", False, 0),
        ("vms[].change_tracking", True, 0),  # vm.change-tracking
        ("vms[].committed_bytes", 7, 0),  # vm.storage-used
    ],
)
def test_states_that_a_person_must_know_are_reported(path: str, value: Any, told: int) -> None:
    """snapshots.layers, snapshots.state, snapshots.facts, vm.encrypted, vm.consolidation,
    vm.illegal-images, vm.change-tracking, vm.storage-used"""
    name = path.rpartition(".")[2]
    vm = (
        plain_vm(snapshots=(plain_snapshot(**{name: value}),))
        if "snapshots" in path
        else plain_vm(**{name: value})
    )
    assert len(reported(vm, path)) == told


# the source's own properties


def test_the_comment_of_a_vm_is_kept() -> None:
    """rhv.own.vm-comment"""
    assert noted(
        translated(plain_vm(native={"comment": "ask the web team"})), "source-comment"
    ) == ("ask the web team")


@pytest.mark.parametrize(
    ("native", "row"),
    [
        ({"config.repConfig.rpo": 60}, "vsphere.own.vm-replication"),
        ({"config.tools.toolsUpgradePolicy": "upgradeAtPowerCycle"},
         "vsphere.own.vm-tools-upgrades"),
        ({"config.swapPlacement": "hostLocal"}, "vsphere.own.vm-swap"),
        ({"config.sevEnabled": True}, "vsphere.own.vm-confidential"),
        ({"config.ftInfo.role": 1}, "vsphere.own.vm-fault-tolerance"),
        ({"config.deviceGroups.deviceGroup[0].groupInstanceKey": 1},
         "vsphere.own.vm-device-groups"),
        ({"config.vFlashCacheReservation": 4096}, "vsphere.own.vm-flash-cache"),
        ({"config.pmem.snapshotMode": "independent_persistent"}, "vsphere.own.vm-pmem"),
        ({"config.vcpuConfig[0].latencySensitivity.level": "high"}, "vsphere.own.vm-vcpus"),
    ],
)  # fmt: skip
def test_what_vsphere_does_for_a_vm_and_nobody_does_after_it_is_reported(
    native: dict[str, Any], row: str
) -> None:
    ledger = translated(plain_vm(native=native)).ledger
    assert row in {each.row for each in ledger.entries if each.refs == ("vc1/vm-1",)}


@pytest.mark.parametrize(
    "native",
    [
        {"config.tools.toolsUpgradePolicy": "manual", "config.swapPlacement": "inherit"},
        {"config.sevEnabled": False, "config.flags.vbsEnabled": False},
        {"config.vFlashCacheReservation": 0, "config.numaInfo.coresPerNumaNode": 0},
        {"config.vcpuConfig[0].latencySensitivity.level": "normal"},
        {"config.bootOptions.bootRetryDelay": 10000, "config.bootOptions.bootRetryEnabled": False},
        {"layoutEx.file[0].key": 0, "config.files.vmPathName": "[a] b/b.vmx"},
    ],
)
def test_defaults_of_vsphere_are_not_reported(native: dict[str, Any]) -> None:
    plain = {each.row for each in translated(plain_vm()).ledger.entries}
    assert {each.row for each in translated(plain_vm(native=native)).ledger.entries} == plain


def test_elements_of_an_ovf_have_rows_with_their_attributes() -> None:
    """ova.own.vm-words, ova.own.vm-settings, ova.own.items, ova.own.disk-files"""
    rows = rows_of("ova")
    for native, key, row in (
        ("vms[].native", "AnnotationSection@required", "ova.own.vm-words"),
        ("vms[].native", "EulaSection[0].License.characters", "ova.own.vm-words"),
        ("vms[].native", "VirtualHardwareSection.vmw:Config[a.b]@vmw:value", "ova.own.vm-settings"),
        ("vms[].native", "InstallSection@initialBootStopDelay", "ova.own.vm-install"),
        ("vms[].native", "vbox:Machine.Hardware.Display@VRAMSize", "ova.own.vm-virtualbox"),
        ("vms[].nics[].native", "vmw:Config[wakeOnLanEnabled]@vmw:value", "ova.own.items"),
        ("vms[].devices[].native", "SpecParams.source", "ova.own.items"),
        ("vms[].disks[].native", "File.@href", "ova.own.disk-files"),
        ("vms[].disks[].native", "@capacity", "ova.own.disk-files"),
        ("vms[].native", "y:Strange@y:a", "unaccounted"),
    ):
        assert rows.row(rows.path_of(native, key)).id == row, key


def test_columns_of_a_workbook_have_a_row() -> None:
    """rvtools.own.columns"""
    rows = rows_of("rvtools")
    for native, key in (
        ("vms[].native", "vInfo.FT Sec. Latency"),
        ("vms[].native", "vSnapshot[1].Date / time"),
        ("vms[].devices[].native", "vUSB.Family"),
    ):
        assert rows.row(rows.path_of(native, key)).id == "rvtools.own.columns"


@pytest.mark.parametrize("openshift", [each.openshift for each in versions().releases])
def test_a_guest_that_is_known_well_is_valid_everywhere(openshift: str) -> None:
    require_schemas()
    example = whole("vsphere").offer(openshift=openshift)
    translation = example.translate()
    vm = next(each for each in translation.vms if each.ref == "vc1/vm-guest")
    made = translation.manifests(vm)[0]
    assert made["spec"]["template"]["spec"]["hostname"] == "app"
    assert faults(made, translation.site.release) == []
