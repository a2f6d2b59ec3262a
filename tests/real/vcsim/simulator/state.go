//go:build vendored

package simulator

import (
	"encoding/json"
	"net/http"
	"sort"

	"github.com/vmware/govmomi/vim25/types"
)

// state is what somebody may have left behind in the vCenter.
type state struct {
	Snapshots           []stateOfSnapshot `json:"snapshots"`
	RedoLogs            []string          `json:"redo_logs"` // datastore paths, with or without a snapshot
	Unmerged            []string          `json:"unmerged"`  // those that stand on nothing that a snapshot froze
	ConsolidationNeeded []string          `json:"consolidation_needed"`
	ChangeTracking      []string          `json:"change_tracking"` // VMs whose configuration asks for it
	Tracked             []stateOfDisk     `json:"tracked"`
	Leases              []stateOfLease    `json:"leases"`
	Sessions            []stateOfSession  `json:"sessions"`
	Merging             []string          `json:"merging"` // VMs
}

type stateOfSnapshot struct {
	VM   string `json:"vm"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

type stateOfDisk struct {
	VM       string `json:"vm"`
	Key      int32  `json:"key"`
	ChangeID string `json:"change_id"`
}

type stateOfLease struct {
	VM string `json:"vm"`
	ID string `json:"id"`
}

type stateOfSession struct {
	Key       string `json:"key"`
	UserName  string `json:"user_name"`
	UserAgent string `json:"user_agent"`
}

func getState(ctx *Context, w http.ResponseWriter, _ *http.Request) error {
	var now state
	for _, entity := range ctx.Map.All("VirtualMachine") {
		vm := entity.(*VirtualMachine)
		ctx.WithLock(vm, func() { now.add(vm) })
	}
	names := func(ref types.ManagedObjectReference) string {
		if vm, ok := ctx.Map.Get(ref).(*VirtualMachine); ok {
			return vm.Name
		}
		return ref.Value
	}
	theLeases.lock.Lock()
	theLeases.sweep(ctx)
	for ref, lease := range theLeases.open {
		now.Leases = append(now.Leases, stateOfLease{VM: names(lease.vm), ID: ref.Value})
	}
	theLeases.lock.Unlock()
	manager := ctx.sessionManager()
	sessionMutex.Lock()
	for _, each := range manager.sessions {
		now.Sessions = append(now.Sessions, stateOfSession{
			Key: each.Key, UserName: each.UserName, UserAgent: each.UserAgent,
		})
	}
	sessionMutex.Unlock()
	sort.Strings(now.RedoLogs)
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(now)
}

func (now *state) add(vm *VirtualMachine) {
	if vm.Snapshot != nil {
		now.addSnapshots(vm.Name, vm.Snapshot.RootSnapshotList)
	}
	if vm.Runtime.ConsolidationNeeded {
		now.ConsolidationNeeded = append(now.ConsolidationNeeded, vm.Name)
	}
	if enabled := vm.Config.ChangeTrackingEnabled; enabled != nil && *enabled {
		now.ChangeTracking = append(now.ChangeTracking, vm.Name)
	}
	theDisks.lock.Lock()
	defer theDisks.lock.Unlock()
	disks := theDisks.vms[vm.Self]
	if disks == nil {
		return
	}
	if disks.busy != nil {
		now.Merging = append(now.Merging, vm.Name)
	}
	for _, each := range disks.layers {
		if each.redo != nil {
			now.RedoLogs = append(now.RedoLogs, each.name)
			if !disks.isFrozen(each.parent) {
				now.Unmerged = append(now.Unmerged, each.name)
			}
		}
	}
	for key, at := range disks.live {
		if id := at.changeID(); id != "" {
			now.Tracked = append(now.Tracked, stateOfDisk{VM: vm.Name, Key: key, ChangeID: id})
		}
	}
}

func (now *state) addSnapshots(vm string, tree []types.VirtualMachineSnapshotTree) {
	for _, each := range tree {
		now.Snapshots = append(now.Snapshots, stateOfSnapshot{VM: vm, ID: each.Snapshot.Value, Name: each.Name})
		now.addSnapshots(vm, each.ChildSnapshotList)
	}
}
