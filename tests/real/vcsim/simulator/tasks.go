//go:build vendored

package simulator

import (
	"slices"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

// background runs a task of a VM that takes its time: unlike those of the stock simulator it holds no
// lock, so that the VM can be looked at meanwhile.
func background(ctx *Context, vm types.ManagedObjectReference, name string,
	run func(*Context) (types.AnyType, types.BaseMethodFault)) types.ManagedObjectReference {
	own := *ctx // locks are held on behalf of a context
	task := CreateTask(vm, name, nil)
	task.ctx = &own
	if own.Session != nil {
		task.Info.Reason = &types.TaskReasonUser{UserName: own.Session.UserName}
	}
	task.Self = ctx.Map.newReference(task)
	task.Info.Key, task.Info.Task = task.Self.Value, task.Self
	task.Info.State = types.TaskInfoStateRunning
	ctx.Map.Put(task)
	ctx.Map.AtomicUpdate(&own, task, []types.PropertyChange{
		{Name: "info.startTime", Val: time.Now()},
		{Name: "info.state", Val: types.TaskInfoStateRunning},
	})
	go func() {
		result, fault := run(&own)
		changes := []types.PropertyChange{
			{Name: "info.completeTime", Val: time.Now()},
			{Name: "info.state", Val: types.TaskInfoStateSuccess},
			{Name: "info.result", Val: result},
		}
		if fault != nil {
			changes[1].Val = types.TaskInfoStateError
			changes = append(changes, types.PropertyChange{
				Name: "info.error",
				Val:  types.LocalizedMethodFault{Fault: fault, LocalizedMessage: faultName(fault)},
			})
		}
		ctx.Map.AtomicUpdate(&own, task, changes)
	}()
	return task.Self
}

// exclusively runs a task in the background, and keeps other tasks off the VM meanwhile.
func (vm *VirtualMachine) exclusively(ctx *Context, name string,
	run func(*Context) (types.AnyType, types.BaseMethodFault)) types.ManagedObjectReference {
	started := make(chan struct{})
	task := background(ctx, vm.Self, name, func(ctx *Context) (types.AnyType, types.BaseMethodFault) {
		<-started
		defer ctx.WithLock(vm, func() {
			theDisks.setBusy(vm.Self, nil)
			theDisks.show(ctx, vm)
			vm.RefreshStorageInfo(ctx, nil)
		})
		return run(ctx)
	})
	theDisks.setBusy(vm.Self, &task)
	close(started)
	return task
}

// excluded are the calls that a VM refuses while its disks are merged or exported.
var excluded = []string{
	"CreateSnapshot_Task", "CreateSnapshotEx_Task", "RemoveSnapshot_Task", "RemoveAllSnapshots_Task",
	"ConsolidateVMDisks_Task", "RevertToSnapshot_Task", "RevertToCurrentSnapshot_Task",
	"ReconfigVM_Task", "PowerOnVM_Task", "PowerOffVM_Task", "SuspendVM_Task", "ResetVM_Task",
	"Destroy_Task", "UnregisterVM", "RelocateVM_Task", "CloneVM_Task", "ExportVm", "ExportSnapshot",
}

// refuses answers the fault of a call that cannot be done now: TaskInProgress while a task makes a
// snapshot or merges the VM's disks, InvalidState while a lease gives them out.
func (d *allDisks) refuses(ctx *Context, method *Method) types.BaseMethodFault {
	if !slices.Contains(excluded, method.Name) {
		return nil
	}
	vm := method.This
	if snapshot, ok := ctx.Map.Get(vm).(*VirtualMachineSnapshot); ok {
		vm = snapshot.Vm
	}
	if theLeases.on(ctx, vm) {
		return new(types.InvalidState)
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	if disks := d.vms[vm]; disks != nil && disks.busy != nil {
		return &types.TaskInProgress{Task: *disks.busy}
	}
	return nil
}
