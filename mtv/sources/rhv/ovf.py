"""What only a VM's OVF tells: its NUMA nodes, and in a snapshot's also NVRAM and TPM contents."""

from collections.abc import Iterator

from lxml import etree

from mtv.model.vm import NumaNode
from mtv.sources.rhv.values import MEBI

_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def _sections(root: etree._Element, kind: str) -> Iterator[etree._Element]:
    for section in root.iter("{*}Section"):
        if section.get(_XSI_TYPE, "").rpartition(":")[2] == kind:
            yield section


def numa_nodes(root: etree._Element) -> tuple[NumaNode, ...]:
    """The VM's virtual NUMA nodes; memory is in MiB there."""
    return tuple(
        NumaNode(
            index=int(_text(node, "Index") or 0),
            memory_bytes=int(memory) * MEBI if (memory := _text(node, "MemTotal")) else None,
            cores=_text(node, "cpuIdList") or "",
            pinned_to=_text(node, "vdsNumaNodeList") or "",
            tune=(_text(node, "NumaTuneMode") or "").lower() or None,
        )
        for section in _sections(root, "NumaNodeSection_Type")
        for node in section.iter("{*}NumaNode")
    )


def external_data(root: etree._Element) -> dict[str, str]:
    """Contents by kind: ``nvram`` and ``tpm``, in base64. Secrets."""
    return {
        kind: content
        for section in _sections(root, "VmExternalDataSection_Type")
        for item in section.iter("{*}VmExternalDataItem")
        if (kind := item.get("kind")) and (content := _text(item, "VmExternalDataContent"))
    }


def _text(parent: etree._Element, name: str) -> str | None:
    for child in parent.iterchildren(f"{{*}}{name}", name):
        return (child.text or "").strip() or None
    return None
