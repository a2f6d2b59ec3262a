//go:build vendored

package simulator

import (
	"os"
	"slices"
	"time"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// CreateSnapshotExTask fails on demand, or takes its time; the snapshot itself is made by the stock one,
// whose last step is below.
func (vm *VirtualMachine) CreateSnapshotExTask(ctx *Context, req *types.CreateSnapshotEx_Task) soap.HasFault {
	rule := theFaults.onDemand(ctx, "TaskFails", vm.Self, "CreateSnapshot_Task", "CreateSnapshotEx_Task")
	pause := theSettings.get().SnapshotSeconds
	if rule == nil && pause == 0 {
		return vm.stockCreateSnapshotExTask(ctx, req)
	}
	theDisks.know(ctx, vm)
	task := vm.exclusively(ctx, "createSnapshotEx", func(ctx *Context) (types.AnyType, types.BaseMethodFault) {
		time.Sleep(time.Duration(pause * float64(time.Second)))
		if rule != nil {
			return nil, rule.error()
		}
		body := vm.stockCreateSnapshotExTask(ctx, req).(*methods.CreateSnapshotEx_TaskBody)
		made := ctx.Map.Get(body.Res.Returnval).(*Task)
		made.Wait()
		return made.Info.Result, nil
	})
	return &methods.CreateSnapshotEx_TaskBody{Res: &types.CreateSnapshotEx_TaskResponse{Returnval: task}}
}

// createSnapshotFiles also freezes the disks. It runs with the VM's lock, before the snapshot shows.
func (v *VirtualMachineSnapshot) createSnapshotFiles(ctx *Context) types.BaseMethodFault {
	vm := ctx.Map.Get(v.Vm).(*VirtualMachine)
	fault := v.stockCreateSnapshotFiles(ctx)
	for _, layout := range vm.LayoutEx.Snapshot {
		for _, file := range vm.LayoutEx.File {
			if layout.Key == v.Self && file.Key == layout.DataKey {
				theDisks.data.Store(v.Self, file.Name)
			}
		}
	}
	theDisks.freeze(ctx, vm, v)
	return fault
}

// removeSnapshotFiles deletes the snapshot's data. The stock one goes by the number of the file in the
// layout, which is another file's by now, and deletes that: the VM's configuration, or a disk.
func (v *VirtualMachineSnapshot) removeSnapshotFiles(ctx *Context) types.BaseMethodFault {
	vm := ctx.Map.Get(v.Vm).(*VirtualMachine)
	vm.Layout.Snapshot = slices.DeleteFunc(vm.Layout.Snapshot,
		func(each types.VirtualMachineFileLayoutSnapshotLayout) bool { return each.Key == v.Self })
	vm.LayoutEx.Snapshot = slices.DeleteFunc(vm.LayoutEx.Snapshot,
		func(each types.VirtualMachineFileLayoutExSnapshotLayout) bool { return each.Key == v.Self })
	name, there := theDisks.data.LoadAndDelete(v.Self)
	if there {
		if where, fault := parseDatastorePath(name.(string)); fault == nil {
			_ = os.Remove(vm.findDatastore(ctx, where.Datastore).resolve(ctx, where.Path))
		}
	}
	vm.RefreshStorageInfo(ctx, nil)
	return nil
}

func (v *VirtualMachineSnapshot) RemoveSnapshotTask(ctx *Context, req *types.RemoveSnapshot_Task) soap.HasFault {
	task := removeSnapshots(ctx, v.Vm, "removeSnapshot", "RemoveSnapshot_Task", req.Consolidate,
		func(vm *VirtualMachine) []types.ManagedObjectReference {
			gone := []types.ManagedObjectReference{v.Self}
			if item := findSnapshotInTree(vm.Snapshot.RootSnapshotList, v.Self); item != nil && req.RemoveChildren {
				gone = append(gone, allSnapshotsInTree(item.ChildSnapshotList)...)
			}
			return gone
		})
	return &methods.RemoveSnapshot_TaskBody{Res: &types.RemoveSnapshot_TaskResponse{Returnval: task}}
}

func (vm *VirtualMachine) RemoveAllSnapshotsTask(ctx *Context, req *types.RemoveAllSnapshots_Task) soap.HasFault {
	task := removeSnapshots(ctx, vm.Self, "RemoveAllSnapshots", "RemoveAllSnapshots_Task", req.Consolidate,
		func(vm *VirtualMachine) []types.ManagedObjectReference {
			return allSnapshotsInTree(vm.Snapshot.RootSnapshotList)
		})
	return &methods.RemoveAllSnapshots_TaskBody{Res: &types.RemoveAllSnapshots_TaskResponse{Returnval: task}}
}

// ConsolidateVMDisksTask merges what removals left behind.
func (vm *VirtualMachine) ConsolidateVMDisksTask(ctx *Context, req *types.ConsolidateVMDisks_Task) soap.HasFault {
	task := removeSnapshots(ctx, vm.Self, "consolidateDisks", "ConsolidateVMDisks_Task", nil, nil)
	return &methods.ConsolidateVMDisks_TaskBody{Res: &types.ConsolidateVMDisks_TaskResponse{Returnval: task}}
}

// removeSnapshots starts the task that takes snapshots from the tree at once, and then merges.
func removeSnapshots(ctx *Context, ref types.ManagedObjectReference, name, method string, consolidate *bool,
	which func(*VirtualMachine) []types.ManagedObjectReference) types.ManagedObjectReference {
	vm := ctx.Map.Get(ref).(*VirtualMachine)
	return vm.exclusively(ctx, name, func(ctx *Context) (types.AnyType, types.BaseMethodFault) {
		if rule := theFaults.onDemand(ctx, "TaskFails", ref, method); rule != nil {
			return nil, rule.error()
		}
		ctx.WithLock(vm, func() {
			theDisks.know(ctx, vm)
			if vm.Snapshot != nil && which != nil {
				dropSnapshots(ctx, vm, which(vm))
			}
			theDisks.show(ctx, vm)
		})
		if consolidate != nil && !*consolidate {
			return nil, nil
		}
		return nil, theDisks.consolidate(ctx, vm, theFaults.onDemand(ctx, "MergeFails", ref, method))
	})
}

// dropSnapshots takes snapshots from the tree; callers hold the VM's lock.
func dropSnapshots(ctx *Context, vm *VirtualMachine, gone []types.ManagedObjectReference) {
	tree, current := vm.Snapshot.RootSnapshotList, vm.Snapshot.CurrentSnapshot
	for current != nil && slices.Contains(gone, *current) {
		current = findParentSnapshotInTree(tree, *current)
	}
	for _, ref := range gone {
		snapshot, ok := ctx.Map.Get(ref).(*VirtualMachineSnapshot)
		if !ok {
			continue
		}
		if parent := findParentSnapshotInTree(tree, ref); parent != nil {
			if above, ok := ctx.Map.Get(*parent).(*VirtualMachineSnapshot); ok {
				RemoveReference(&above.ChildSnapshot, ref)
				above.ChildSnapshot = append(above.ChildSnapshot, snapshot.ChildSnapshot...)
			}
		}
		tree = removeSnapshotInTree(tree, ref, false)
		snapshot.removeSnapshotFiles(ctx)
		ctx.Map.Remove(ctx, ref)
		theDisks.forget(vm.Self, ref)
	}
	if len(tree) == 0 {
		ctx.Update(vm, []types.PropertyChange{{Name: "snapshot", Val: nil}, {Name: "rootSnapshot", Val: nil}})
		return
	}
	roots := make([]types.ManagedObjectReference, len(tree))
	for i, each := range tree {
		roots[i] = each.Snapshot
	}
	ctx.Update(vm, []types.PropertyChange{
		{Name: "snapshot", Val: &types.VirtualMachineSnapshotInfo{CurrentSnapshot: current, RootSnapshotList: tree}},
		{Name: "rootSnapshot", Val: roots},
	})
}

func (v *VirtualMachineSnapshot) RevertToSnapshotTask(ctx *Context, req *types.RevertToSnapshot_Task) soap.HasFault {
	task := background(ctx, v.Vm, "revertToSnapshot", func(ctx *Context) (types.AnyType, types.BaseMethodFault) {
		return nil, revertTo(ctx, v)
	})
	return &methods.RevertToSnapshot_TaskBody{Res: &types.RevertToSnapshot_TaskResponse{Returnval: task}}
}

func (vm *VirtualMachine) RevertToCurrentSnapshotTask(ctx *Context, req *types.RevertToCurrentSnapshot_Task) soap.HasFault {
	body := new(methods.RevertToCurrentSnapshot_TaskBody)
	if vm.Snapshot == nil || vm.Snapshot.CurrentSnapshot == nil {
		body.Fault_ = Fault("snapshot not found", &types.NotFound{})
		return body
	}
	snapshot := ctx.Map.Get(*vm.Snapshot.CurrentSnapshot).(*VirtualMachineSnapshot)
	task := background(ctx, vm.Self, "revertSnapshot", func(ctx *Context) (types.AnyType, types.BaseMethodFault) {
		return nil, revertTo(ctx, snapshot)
	})
	body.Res = &types.RevertToCurrentSnapshot_TaskResponse{Returnval: task}
	return body
}

// revertTo brings back the disks of a snapshot, and the power state: the simulator keeps no memory, so a
// VM that ran is off afterwards unless the snapshot claims to have its memory.
func revertTo(ctx *Context, snapshot *VirtualMachineSnapshot) (fault types.BaseMethodFault) {
	vm := ctx.Map.Get(snapshot.Vm).(*VirtualMachine)
	ctx.WithLock(vm, func() {
		item := (*types.VirtualMachineSnapshotTree)(nil)
		if vm.Snapshot != nil {
			item = findSnapshotInTree(vm.Snapshot.RootSnapshotList, snapshot.Self)
		}
		if item == nil {
			fault = &types.NotFound{}
			return
		}
		vm.DataSets = copyDataSetsForVmClone(snapshot.DataSets)
		ctx.Update(vm, []types.PropertyChange{
			{Name: "snapshot.currentSnapshot", Val: snapshot.Self},
			{Name: "runtime.powerState", Val: item.State},
			{Name: "summary.runtime.powerState", Val: item.State},
		})
		theDisks.revert(ctx, vm, snapshot.Self)
	})
	return fault
}
