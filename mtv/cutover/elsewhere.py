"""VMs that went over in another wave's run: from a new wave they would be moved a second time."""

from mtv.journal import Journal
from mtv.project import Project

THEIRS = ("commit", "boot")
"""Steps from whose first moment on the base is the guest's own."""


def gone_over(project: Project, wave: str) -> dict[str, str]:
    """Ref -> the other wave in whose run the VM's disks have become the guest's.

    Raises ProjectError for a journal that cannot be read.
    """
    found = dict[str, str]()
    here = project.run(wave)
    for path in sorted(here.parent.glob("*/journal.db")):
        if path.parent == here:
            continue
        with Journal(path, command=None) as journal:
            for event in journal.events():
                if event.step in THEIRS:
                    found[event.vm] = path.parent.name
    return found
