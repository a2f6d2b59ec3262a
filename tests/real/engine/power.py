"""Power of VMs: each action is refused in the wrong state, and the state changes by and by."""

from tests.real.engine.data import DataPath
from tests.real.engine.faults import Faults
from tests.real.engine.messages import conflict
from tests.real.engine.records import Records, now
from tests.real.engine.sdk import types
from tests.real.engine.tree import Entity, Tree

_RUNNING = {"up", "powering_up", "wait_for_launch", "reboot_in_progress", "migrating", "paused"}

_ALLOWED = {
    "start": {"down", "suspended", "paused"},
    "shutdown": {"up", "powering_up", "reboot_in_progress", "powering_down"},
    "stop": _RUNNING | {"powering_down", "suspended", "not_responding", "saving_state"},
    "suspend": {"up"},
    "reboot": {"up", "powering_up"},
}

_STEPS = {
    "start": ["wait_for_launch", "powering_up", "up"],
    "shutdown": ["powering_down", "down"],
    "stop": ["powering_down", "down"],
    "suspend": ["saving_state", "suspended"],
    "reboot": ["reboot_in_progress", "up"],
}

_EVENTS = {
    "start": (153, "VM {name} was started by admin@internal."),
    "shutdown": (33, "VM shutdown initiated by admin@internal on VM {name}."),
    "stop": (33, "VM {name} powered off by admin@internal."),
    "suspend": (40, "Suspending VM {name} was initiated by User admin@internal."),
    "reboot": (157, "User admin@internal initiated reboot of VM {name}."),
}

ACTIONS = frozenset(_STEPS)


def power(
    tree: Tree,
    records: Records,
    faults: Faults,
    data: DataPath,
    vm: Entity,
    action: str,
    correlation_id: str,
) -> Entity:
    """Begin a power action; returns its job."""
    obj = vm.obj
    state = str(obj.status)
    if state not in _ALLOWED[action]:
        raise conflict(f"Cannot {action} VM. VM is in state {state}.")
    name = obj.name
    code, text = _EVENTS[action]
    about = {"vm": types.Vm(id=vm.id)}
    records.event(code, text.format(name=name), correlation_id=correlation_id, **about)
    job = records.job(f"{action.capitalize()} VM {name}", correlation_id)
    if action == "shutdown" and vm.id in faults.deaf:
        records.end_job(job)
        return job
    steps = _STEPS[action]
    if state == "suspended" and action == "start":
        steps = ["restoring_state", "up"]
    pause = faults.power_seconds / max(1, len(steps) - 1)

    def change(at: int) -> None:
        if at and str(obj.status) != steps[at - 1]:
            return  # something else happened to it in between
        obj.status = types.VmStatus(steps[at])
        last = at == len(steps) - 1
        if last:
            _arrived(tree, vm, steps[at])
            if steps[at] in ("up", "down"):
                data.power(vm.id, list(vm.subs["diskattachments"].own), on=steps[at] == "up")
            if steps[at] == "down":
                records.event(61, f"VM {name} is down.", correlation_id=correlation_id, **about)
            records.end_job(job)
        else:
            records.later(pause, lambda: change(at + 1))
        tree.touch(vm)

    change(0)
    return job


def _arrived(tree: Tree, vm: Entity, state: str) -> None:
    obj = vm.obj
    if state == "up":
        obj.start_time = now()
        if obj.host is None:
            obj.host = _some_host(tree, obj.cluster.id)
    else:
        obj.stop_time = now()
        obj.host = None
        obj.run_once = False
        vm.subs["reporteddevices"].own.clear()
        for nic in vm.subs["nics"].own.values():
            nic.subs["reporteddevices"].own.clear()


def _some_host(tree: Tree, cluster: str) -> types.Host:
    for each in tree.top["hosts"].own.values():
        if each.obj.cluster.id == cluster and str(each.obj.status) == "up":
            return types.Host(id=each.id)
    return None
