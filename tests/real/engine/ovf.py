"""The OVF of a VM or of one of its snapshots, cut down to what a migration may want from it.

Names as in the engine's OvfWriter and OvfOvirtWriter. Only a snapshot's OVF has the section with
the contents of TPM and NVRAM, and only since 4.4.6.4.
"""

from xml.sax.saxutils import escape, quoteattr

from tests.real.engine.tree import Entity, Tree
from tests.real.engine.versions import EXTERNAL_DATA


def ovf_of(tree: Tree, entity: Entity) -> str:
    """The OVF text of a VM, or of a snapshot of one."""
    vm = entity if entity.kind == "Vm" else entity.owner
    assert vm is not None
    obj = vm.obj
    disks = [each.obj for each in tree.items(vm.subs["diskattachments"])]
    files = "".join(
        f'<File ovf:href="{each.disk.id}" ovf:id="{each.disk.id}" ovf:size="0"/>'
        for each in disks
        if each.disk is not None
    )
    external = ""
    if entity.kind == "Snapshot" and tree.version >= EXTERNAL_DATA:
        external = _external(tree.estate.external_data.get(entity.id, {}))
    os_type = obj.os.type if obj.os is not None and obj.os.type else "other"
    bios = str(obj.bios.type) if obj.bios is not None and obj.bios.type else "cluster_default"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ovf:version="4.4.0.0">'
        f"<References>{files}</References>"
        '<Content ovf:id="out" xsi:type="ovf:VirtualSystem_Type">'
        f"<Name>{escape(obj.name)}</Name><BiosType>{escape(bios)}</BiosType>"
        f"<TemplateId>00000000-0000-0000-0000-000000000000</TemplateId>"
        f"{external}{_numa(tree, vm)}"
        f'<Section ovf:id={quoteattr(str(obj.id))} ovf:required="false"'
        ' xsi:type="ovf:OperatingSystemSection_Type">'
        f"<Info>Guest Operating System</Info><Description>{escape(os_type)}</Description></Section>"
        "</Content></ovf:Envelope>"
    )


def _numa(tree: Tree, vm: Entity) -> str:
    """The VM's NUMA nodes, which the API shows with a request for each VM only."""
    listing = vm.subs.get("numanodes")
    nodes = "".join(
        f"<NumaNode><id>{node.id}</id><Index>{node.index}</Index>"
        f"<cpuIdList>{','.join(str(core.index) for core in node.cpu.cores)}</cpuIdList>"
        "<vdsNumaNodeList>"
        f"{','.join(str(pin.index) for pin in node.numa_node_pins or [])}</vdsNumaNodeList>"
        f"<MemTotal>{node.memory}</MemTotal>"
        f"<NumaTuneMode>{node.numa_tune_mode}</NumaTuneMode></NumaNode>"
        for node in (each.obj for each in (tree.items(listing) if listing is not None else ()))
    )
    return f'<Section xsi:type="ovf:NumaNodeSection_Type">{nodes}</Section>' if nodes else ""


def _external(data: dict[str, str]) -> str:
    if not data:
        return ""
    items = "".join(
        f"<VmExternalDataItem kind={quoteattr(kind)}>"
        f"<VmExternalDataContent>{escape(content)}</VmExternalDataContent></VmExternalDataItem>"
        for kind, content in data.items()
    )
    return f'<Section xsi:type="ovf:VmExternalDataSection_Type">{items}</Section>'
