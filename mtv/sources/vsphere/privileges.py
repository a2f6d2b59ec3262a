"""The privileges that mtv's user needs. docs/vsphere.md lists the same; a test compares."""

from collections.abc import Collection
from dataclasses import dataclass

from pyVmomi import vim, vmodl

from mtv.config import Consent
from mtv.model.collection import Lack
from mtv.sources.vsphere import soap
from mtv.sources.vsphere.session import Session


@dataclass(frozen=True)
class Privilege:
    """One privilege, at vCenter's root and propagated."""

    id: str
    label: str
    """Where it stands in the vSphere Client."""
    needed_for: str
    blocks: bool = True
    consent: Consent | None = None
    """It is needed only with this consent."""


PRIVILEGES = (
    Privilege("System.Anonymous", "Read-only", "logging in"),
    Privilege("System.View", "Read-only", "mtv collect: seeing what there is"),
    Privilege("System.Read", "Read-only", "mtv collect: properties of every object"),
    Privilege(
        "StorageProfile.View",
        "VM storage policies › View VM storage policies",
        "mtv collect: storage policies",
        blocks=False,
    ),
    Privilege(
        "Global.Settings",
        "Global › Settings",
        "mtv collect: how many metrics one query may ask for",
        blocks=False,
    ),
    Privilege(
        "Datastore.Browse", "Datastore › Browse datastore", "mtv sync: reading disks (/folder)"
    ),
    Privilege(
        "Datastore.FileManagement",
        "Datastore › Low level file operations",
        "mtv sync: reading disks (/folder)",
    ),
    Privilege(
        "VApp.Export",
        "vApp › Export",
        "mtv sync: reading disks that /folder does not give",
        blocks=False,
    ),
    Privilege(
        "VirtualMachine.Interact.PowerOff",
        "Virtual machine › Interaction › Power off",
        "mtv cutover: shutting VMs down",
        consent=Consent.POWER,
    ),
    Privilege(
        "VirtualMachine.Provisioning.DiskRandomRead",
        "Virtual machine › Provisioning › Allow read-only disk access",
        "mtv sync: asking what changed on a disk; without it all of the disk is compared",
        blocks=False,
    ),
    Privilege(
        "VirtualMachine.State.CreateSnapshot",
        "Virtual machine › Snapshot management › Create snapshot",
        "mtv sync: holding the disks of a running VM still",
        consent=Consent.SNAPSHOTS,
    ),
    Privilege(
        "VirtualMachine.State.RemoveSnapshot",
        "Virtual machine › Snapshot management › Remove snapshot",
        "mtv sync: letting go of them",
        consent=Consent.SNAPSHOTS,
    ),
    Privilege(
        "VirtualMachine.Config.ChangeTracking",
        "Virtual machine › Change Configuration › Toggle disk change tracking",
        "mtv sync: switching change tracking on",
        consent=Consent.CHANGE_TRACKING,
    ),
    Privilege(
        "VirtualMachine.Config.RemoveDisk",
        "Virtual machine › Change Configuration › Remove disk",
        "mtv cutover: taking LUNs (RDM) from VMs",
        consent=Consent.DISKS,
    ),
    Privilege(
        "VirtualMachine.Config.AddExistingDisk",
        "Virtual machine › Change Configuration › Add existing disk",
        "mtv rollback: giving them back",
        consent=Consent.DISKS,
    ),
    Privilege(
        "VirtualMachine.Config.RawDevice",
        "Virtual machine › Change Configuration › Configure Raw device",
        "mtv rollback: giving them back",
        consent=Consent.DISKS,
    ),
)


def lacks(session: Session) -> tuple[Lack, ...]:
    """Which of them the user has not, as far as the consents given need them."""
    may = session.connection.may
    manager = session.content.authorizationManager
    with session.faults_as_errors():
        try:
            user = session.renewing(lambda: session.content.sessionManager.currentSession.userName)
            answers = session.renewing(
                lambda: soap.call(
                    manager,
                    "HasUserPrivilegeOnEntities",
                    [session.content.rootFolder],
                    user,
                    [each.id for each in _needed(may)],
                    item=vim.AuthorizationManager.EntityPrivilege,
                )
            )
        except vim.fault.NotAuthenticated:
            raise
        except vmodl.MethodFault as problem:
            reason = type(problem).__name__.rpartition(".")[2]
            return (
                Lack(
                    what="privileges",
                    needed_for="knowing beforehand what will be refused",
                    remedy=f"this server does not tell them ({reason}): "
                    "compare mtv's role with docs/vsphere.md",
                    blocks=False,
                ),
            )
    granted = {
        str(each.get("privId"))
        for answer in answers
        for each in answer.get("privAvailability", ())
        if each.get("isGranted")
    }
    return missing(granted, may, user)


def missing(granted: Collection[str], may: Collection[str], user: str) -> tuple[Lack, ...]:
    """What is not granted, of that which the consents given need."""
    return tuple(
        Lack(
            what=each.id,
            needed_for=each.needed_for,
            remedy=f"add {each.label} to the role of {user}, at the root and propagated",
            blocks=each.blocks,
        )
        for each in _needed(may)
        if each.id not in granted
    )


def _needed(may: Collection[str]) -> list[Privilege]:
    return [each for each in PRIVILEGES if each.consent is None or each.consent in may]
