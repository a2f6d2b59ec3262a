//go:build vendored

package simulator

import (
	"errors"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// QueryChangedDiskAreas answers what a disk has (`*`) or what was written to it since a change id, up to a
// snapshot; without one up to now, which VMs that run refuse. Faults:
//
//	InvalidArgument deviceKey    no disk, or an independent one: snapshots are not about it
//	InvalidArgument startOffset  beyond the disk's end
//	InvalidArgument changeId     no change id, or of a moment after the snapshot
//	FileFault                    changes are not tracked, or the id is of another tracking of the disk,
//	                             or the VM runs and no snapshot is named
//	NotFound                     the snapshot is another VM's
//	ManagedObjectNotFound        there is no such snapshot
//
// One answer has at most the settable number of areas; its length says how far it goes.
func (vm *VirtualMachine) QueryChangedDiskAreas(ctx *Context, req *types.QueryChangedDiskAreas) soap.HasFault {
	body := new(methods.QueryChangedDiskAreasBody)
	answer, fault := vm.changedAreas(ctx, req)
	if fault != nil {
		body.Fault_ = Fault(faultName(fault), fault)
		return body
	}
	if theFaults.onDemand(ctx, "Gap", vm.Self, "QueryChangedDiskAreas") != nil {
		skipped := min(granuleSize, answer.Length)
		answer.StartOffset += skipped
		answer.Length -= skipped
		if len(answer.ChangedArea) != 0 && answer.ChangedArea[0].Start < answer.StartOffset {
			answer.ChangedArea = answer.ChangedArea[1:]
		}
	}
	if theFaults.onDemand(ctx, "NoProgress", vm.Self, "QueryChangedDiskAreas") != nil {
		answer.Length, answer.ChangedArea = 0, nil
	}
	body.Res = &types.QueryChangedDiskAreasResponse{Returnval: *answer}
	return body
}

func (vm *VirtualMachine) changedAreas(ctx *Context, req *types.QueryChangedDiskAreas) (*types.DiskChangeInfo, types.BaseMethodFault) {
	if req.Snapshot != nil {
		snapshot, ok := ctx.Map.Get(*req.Snapshot).(*VirtualMachineSnapshot)
		if !ok {
			return nil, &types.ManagedObjectNotFound{Obj: *req.Snapshot}
		}
		if snapshot.Vm != vm.Self {
			return nil, new(types.NotFound)
		}
	}
	theDisks.lock.Lock()
	defer theDisks.lock.Unlock()
	disks := theDisks.of(ctx, vm)
	at := disks.live[req.DeviceKey]
	if req.Snapshot != nil {
		at = disks.frozen[*req.Snapshot][req.DeviceKey]
	}
	switch {
	case at == nil:
		return nil, &types.InvalidArgument{InvalidProperty: "deviceKey"}
	case req.StartOffset < 0 || req.StartOffset >= at.capacity:
		return nil, &types.InvalidArgument{InvalidProperty: "startOffset"}
	case at.tracker == nil,
		req.Snapshot == nil && vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff:
		return nil, &types.FileFault{File: at.name}
	}
	changed, err := at.changedSince(req.ChangeId)
	switch {
	case errors.Is(err, errNoChangeID), errors.Is(err, errUnknownMoment):
		return nil, &types.InvalidArgument{InvalidProperty: "changeId"}
	case err != nil:
		return nil, &types.FileFault{File: at.name}
	}
	areas, end := changed.areas(req.StartOffset, at.capacity), at.capacity
	if most := theSettings.get().AreasPerAnswer; len(areas) > most {
		areas = areas[:most]
		end = areas[most-1].Start + areas[most-1].Length
	}
	return &types.DiskChangeInfo{
		StartOffset: req.StartOffset, Length: end - req.StartOffset, ChangedArea: areas,
	}, nil
}

func (l *layer) changedSince(id string) (granules, error) {
	if id == "*" {
		return l.allocated()
	}
	return l.tracker.changes(id, l.moment)
}
