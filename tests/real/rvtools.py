"""Workbooks as RVTools exports them, written by hand so that a test can also break them.

``parts`` makes the files inside of a workbook, ``pack`` puts them into an archive. The small estate
has every sheet that mtv reads, in the style of RVTools 4 (MiB) or 3 (MB).
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

Rows = Sequence[Sequence[Any]]
Table = dict[str, Any]
"""A sheet as its header -> cell, for sheets of one row, or header -> cells."""

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def column_letters(number: int) -> str:
    """Letters of a column: 1 is A, 27 is AA."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def parts(sheets: Mapping[str, Rows]) -> dict[str, bytes]:
    """The files of a workbook. Texts are shared, dates are serial numbers with a date style."""
    shared = dict[str, int]()
    files = {
        f"xl/worksheets/sheet{number}.xml": _sheet(rows, shared)
        for number, rows in enumerate(sheets.values(), 1)
    }
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in zip(numbers, sheets, strict=True)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    links += f'<Relationship Id="s" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    links += f'<Relationship Id="t" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    texts = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in shared)
    kinds = {"xl/workbook.xml": f"{_TYPES}.sheet.main+xml"}
    kinds |= dict.fromkeys(files, f"{_TYPES}.worksheet+xml")
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in kinds.items()
    )
    root = f'<Relationship Id="b" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    whole = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{root}</Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{links}'
        "</Relationships>",
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="22"/></cellXfs></styleSheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{texts}</sst>',
    }
    return {name: (_HEAD + text).encode() for name, text in whole.items()} | files


def _sheet(rows: Rows, shared: dict[str, int]) -> bytes:
    text = io.StringIO()
    text.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>')
    for y, row in enumerate(rows, 1):
        text.write(f'<row r="{y}">')
        for x, cell in enumerate(row, 1):
            text.write(_cell(f"{column_letters(x)}{y}", cell, shared))
        text.write("</row>")
    text.write("</sheetData></worksheet>")
    return text.getvalue().encode()


def _cell(at: str, cell: Any, shared: dict[str, int]) -> str:
    if cell is None or cell == "":
        return ""
    if isinstance(cell, bool):
        return f'<c r="{at}" t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, datetime):
        serial = (cell - datetime(1899, 12, 30)).total_seconds() / 86_400
        return f'<c r="{at}" s="1"><v>{serial}</v></c>'
    if isinstance(cell, int | float):
        return f'<c r="{at}"><v>{cell}</v></c>'
    return f'<c r="{at}" t="s"><v>{shared.setdefault(str(cell), len(shared))}</v></c>'


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    """An archive of files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_workbook(path: Path, sheets: Mapping[str, Rows]) -> Path:
    """A workbook with these sheets; the first row of each is its header."""
    return pack(path, parts(sheets))


def rows_of(*records: Mapping[str, Any]) -> list[list[Any]]:
    """A header and a row for each record; a header is in if any record has it."""
    headers = list(dict.fromkeys(header for record in records for header in record))
    return [headers, *([record.get(header, "") for header in headers] for record in records)]


VCENTER = "0f4e2a51-7a0c-4d5e-9d5e-000000000001"
SERVER = "vc1.example.com"


def common(vm: str, number: int, **changes: Any) -> Table:
    """The columns that all sheets of VMs repeat."""
    return {
        "VM": vm,
        "Powerstate": "poweredOn",
        "Template": False,
        "Datacenter": "DC0",
        "Cluster": "prod",
        "Host": "esx1.example.com",
        "Folder": "/DC0/vm/shop/web",
        "OS according to the configuration file": "Debian GNU/Linux 12 (64-bit)",
        "VM ID": f"vm-{number}",
        "VM UUID": f"5015a3c0-1111-2222-3333-{number:012}",
        "VI SDK Server": SERVER,
        "VI SDK UUID": VCENTER,
        **changes,
    }


def info(vm: str, number: int, unit: str = "MiB", **changes: Any) -> Table:
    """A row of vInfo."""
    return {
        **common(vm, number),
        "DNS Name": f"{vm}.example.com",
        "Connection state": "connected",
        "Guest state": "running",
        "CPUs": 4,
        "Memory": 8192,
        "NICs": 1,
        "Disks": 1,
        "Primary IP Address": f"192.0.2.{number % 250}",
        "Resource pool": "/DC0/prod/Resources/Gold",
        f"Provisioned {unit}": 20480,
        f"In Use {unit}": 10240,
        "Firmware": "efi",
        "EFI Secure boot": False,
        "HW version": "vmx-19",
        "Path": f"[gold] {vm}/{vm}.vmx",
        "Annotation": "The shop's front end.",
        "SMBIOS UUID": f"4215a3c0-1111-2222-3333-{number:012}",
        "VI SDK API Version": "8.0.2.0",
        "Owner": "Ada",
        **changes,
    }


def disk(vm: str, number: int, unit: str = "MiB", **changes: Any) -> Table:
    """A row of vDisk."""
    return {
        **common(vm, number),
        "Disk": "Hard disk 1",
        "Disk Key": 2000,
        "Disk Path": f"[gold] {vm}/{vm}.vmdk",
        f"Capacity {unit}": 10240,
        "Raw": False,
        "Disk Mode": "persistent",
        "Sharing mode": "sharingNone",
        "Thin": True,
        "Controller": "SCSI controller 0",
        "Unit #": 0,
        **changes,
    }


def nic(vm: str, number: int, **changes: Any) -> Table:
    """A row of vNetwork."""
    return {
        **common(vm, number),
        "NIC label": "Network adapter 1",
        "Adapter": "Vmxnet3",
        "Network": "VLAN 10",
        "Switch": "dvs-prod",
        "Connected": True,
        "Starts Connected": True,
        "Mac Address": f"00:50:56:9a:{number // 256 % 256:02x}:{number % 256:02x}",
        "IPv4 Address": f"192.0.2.{number % 250}",
        **changes,
    }


def small_estate(unit: str = "MiB") -> dict[str, list[Table]]:
    """Two VMs and a template with all around them, a list of records a sheet."""
    host = {"Host": "esx1.example.com", "Datacenter": "DC0", "Cluster": "prod"}
    center = {"VI SDK Server": SERVER, "VI SDK UUID": VCENTER}
    taken = {"Name": "before-patch", "Date / time": "2026/10/12 10:00:00", "Quiesced": False}
    return {
        "vInfo": [
            info("web01", 21, unit),
            info("db01", 22, unit, Powerstate="poweredOff", Host="esx2.example.com"),
            info("golden", 23, unit, Template=True, Powerstate="poweredOff", NICs=0),
        ],
        "vCPU": [
            {**common("web01", 21), "CPUs": 4, "Sockets": 2, "Cores p/s": 2, "Limit": -1},
            {**common("db01", 22), "CPUs": 4, "Sockets": 4, "Cores p/s": 1, "Limit": 2000},
        ],
        "vMemory": [{**common("web01", 21), f"Size {unit}": 8192, "Limit": -1, "Reservation": 512}],
        "vDisk": [
            disk("web01", 21, unit),
            disk("db01", 22, unit, Raw=True, **{"Raw Comp. Mode": "physicalMode"}),
            disk("golden", 23, unit),
        ],
        "vPartition": [
            {
                **common("web01", 21),
                "Disk": "/",
                f"Capacity {unit}": 9216,
                f"Consumed {unit}": 1024,
                f"Free {unit}": 8192,
            }
        ],
        "vNetwork": [nic("web01", 21), nic("db01", 22, Network="VM Network", Switch="vSwitch0")],
        "vSnapshot": [{**common("web01", 21), **taken, f"Size {unit} (total)": 100}],
        "vTools": [{**common("web01", 21), "Tools": "toolsOk", "Tools Version": 12352}],
        "vCD": [{**common("web01", 21), "Device Node": "CD/DVD drive 1", "Connected": False}],
        "vFloppy": [],
        "vUSB": [],
        "vRP": [{"Resource Pool name": "Gold", "Resource Pool path": "/DC0/prod/Resources/Gold"}],
        "vCluster": [{"Name": "prod", "HA enabled": True, "DRS enabled": False, **center}],
        "vHost": [
            {
                **host,
                "CPU Model": "Intel(R) Xeon(R) Gold 6430",
                "# CPU": 2,
                "# Cores": 32,
                "# Memory": 262144,
                "ESX Version": "VMware ESXi 8.0.2 build-22380479",
                **center,
            }
        ],
        "vHBA": [{**host, "Device": "vmhba0", "Driver": "vmw_ahci"}],
        "vNIC": [{**host, "Network Device": "vmnic0", "Speed": 10000, "Switch": "vSwitch0"}],
        "vSwitch": [{**host, "Switch": "vSwitch0", "MTU": 1500, "Promiscuous Mode": False}],
        "vPort": [
            {**host, "Port Group": "VM Network", "Switch": "vSwitch0", "VLAN": 0},
            {**host, "Port Group": "Management Network", "Switch": "vSwitch0", "VLAN": 5},
        ],
        "dvSwitch": [
            {"Switch": "dvs-prod", "Datacenter": "DC0", "Host members": "esx1.example.com"}
        ],
        "dvPort": [
            {"Port": "VLAN 10", "Switch": "dvs-prod", "VLAN": 10, "Type": "earlyBinding"},
            {"Port": "dvs-prod-DVUplinks-7", "Switch": "dvs-prod", "VLAN": "0-4094"},
        ],
        "vSC_VMK": [
            {
                **host,
                "Port Group": "Management Network",
                "Device": "vmk0",
                "IP Address": "192.0.2.5",
                "Subnet mask": "255.255.255.0",
                "MTU": 1500,
            }
        ],
        "vDatastore": [
            {
                "Name": "gold",
                "Type": "VMFS",
                "Address": "naa.600508b1001c577e",
                f"Capacity {unit}": 1048576,
                f"Free {unit}": 524288,
                "Hosts": "esx1.example.com, esx2.example.com",
                **center,
            }
        ],
        "vSource": [{"Version": "8.0.2", "Build": "22385739", **center}],
        "vMetaData": [
            {"RVTools version": "4.4.1.0", "xlsx creation datetime": "2026-11-22 10:00:00"}
        ],
    }


def write_estate(path: Path, estate: Mapping[str, Sequence[Table]]) -> Path:
    """A workbook of records."""
    return write_workbook(path, {name: rows_of(*records) for name, records in estate.items()})


def large_estate(vms: int) -> dict[str, list[Table]]:
    """As many VMs, with a disk, a card and the rows of vCPU for each."""
    numbered = [(f"web{number:05}", number) for number in range(1, vms + 1)]
    return small_estate() | {
        "vInfo": [info(vm, number) for vm, number in numbered],
        "vCPU": [
            {**common(vm, number), "CPUs": 4, "Sockets": 2, "Cores p/s": 2}
            for vm, number in numbered
        ],
        "vDisk": [disk(vm, number) for vm, number in numbered],
        "vNetwork": [nic(vm, number) for vm, number in numbered],
        "vSnapshot": [],
    }
