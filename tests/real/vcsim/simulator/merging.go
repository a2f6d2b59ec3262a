//go:build vendored

package simulator

import (
	"log"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

// setBusy says which task changes the chains of a VM; nil: none any more.
func (d *allDisks) setBusy(vm types.ManagedObjectReference, task *types.ManagedObjectReference) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if disks := d.vms[vm]; disks != nil {
		disks.busy = task
	}
}

// forget lets go of the files that a snapshot named.
func (d *allDisks) forget(vm, snapshot types.ManagedObjectReference) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if disks := d.vms[vm]; disks != nil {
		delete(disks.frozen, snapshot)
	}
}

// consolidate merges every redo log whose parent nobody needs into it. Half of the settable time
// passes, then the parents are written to (what a reader of a file that was frozen sees, though
// nothing reads it through the VM), then the other half passes; at last the chains change, in one step.
func (d *allDisks) consolidate(ctx *Context, vm *VirtualMachine, failing *faultRule) types.BaseMethodFault {
	half := time.Duration(theSettings.get().MergeSeconds / 2 * float64(time.Second))
	d.lock.Lock()
	disks := d.vms[vm.Self]
	base, _ := disks.superfluous()
	if base == nil {
		disks.prune(d)
	}
	d.lock.Unlock()
	if base == nil {
		return nil
	}
	d.markMerging(disks, true)
	time.Sleep(half)
	d.copyAhead(disks)
	time.Sleep(half)
	if failing != nil {
		d.markMerging(disks, false)
		return failing.error()
	}
	var fault types.BaseMethodFault
	ctx.WithLock(vm, func() {
		fault = d.merge(disks)
		d.markMerging(disks, false)
		d.lock.Lock()
		disks.prune(d)
		disks.stun(vm)
		d.lock.Unlock()
		d.show(ctx, vm)
	})
	return fault
}

// markMerging marks the files that a merge writes to.
func (d *allDisks) markMerging(disks *vmDisks, merging bool) {
	d.lock.Lock()
	defer d.lock.Unlock()
	for _, each := range disks.layers {
		each.merging = merging && len(disks.children(each)) == 1 && !disks.needed(each)
	}
}

// copyAhead writes to the parents what is going to be merged into them, and changes no chain.
func (d *allDisks) copyAhead(disks *vmDisks) {
	d.lock.Lock()
	defer d.lock.Unlock()
	for _, base := range disks.layers {
		if !base.merging {
			continue
		}
		child := disks.children(base)[0]
		if err := base.absorb(child); err != nil {
			log.Printf("merging %s: %s", child.name, err)
		}
	}
}

// merge writes all that is left and shortens the chains.
func (d *allDisks) merge(disks *vmDisks) types.BaseMethodFault {
	d.lock.Lock()
	defer d.lock.Unlock()
	for {
		base, child := disks.superfluous()
		if base == nil {
			return nil
		}
		if err := base.absorb(child); err != nil {
			log.Printf("merging %s: %s", child.name, err)
			return &types.FileFault{File: child.name}
		}
		disks.replace(d, child, base)
	}
}

// revert makes the VM write on from a snapshot's files; what it wrote since is gone. A disk whose changes
// were tracked is tracked anew: no change id of before is good for it any more.
func (d *allDisks) revert(ctx *Context, vm *VirtualMachine, snapshot types.ManagedObjectReference) {
	d.lock.Lock()
	disks := d.of(ctx, vm)
	for key, base := range disks.frozen[snapshot] {
		old := disks.live[key]
		top := disks.grow(d, base)
		if top == nil {
			continue
		}
		top.tracker = nil
		switch {
		case theSettings.get().RevertKeepsTracking && old != nil:
			top.tracker = old.tracker // which knows nothing of what the revert took back
		case base.tracker != nil || (old != nil && old.tracker != nil):
			top.tracker = newTracker()
		}
	}
	disks.prune(d)
	d.lock.Unlock()
	d.show(ctx, vm)
}

// stun is a moment at which the VM stands still: what was said about change tracking comes true, for
// disks without snapshots. Callers hold both locks, and show what became of it.
func (disks *vmDisks) stun(vm *VirtualMachine) {
	enabled := vm.Config.ChangeTrackingEnabled != nil && *vm.Config.ChangeTrackingEnabled
	for _, device := range vm.Config.Hardware.Device {
		disk, ok := device.(*types.VirtualDisk)
		if !ok || !takesPart(disk.Backing) {
			continue
		}
		at := disks.live[disk.Key]
		switch {
		case at == nil:
		case !enabled:
			if at.tracker != nil {
				at.tracker = nil
				forgetChangeID(disk.Backing)
			}
		case at.tracker == nil && at.parent == nil:
			at.tracker = newTracker()
		}
	}
}
