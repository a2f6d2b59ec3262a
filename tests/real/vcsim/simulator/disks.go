//go:build vendored

package simulator

import (
	"fmt"
	"log"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/vmware/govmomi/vim25/types"
)

// What the disks of the VMs hold, behind their devices. A snapshot freezes each disk's file, which
// keeps its name, and the guest writes on into a redo log that is the device's backing from then on.
//
// One lock is over everything, so that a snapshot is one moment for all disks of a VM. It is the last
// to be taken: the VM's comes first, then that of a snapshot. What a snapshot is asked to do therefore
// happens in tasks (tasks.go), which do not hold the snapshot's lock.

type vmDisks struct {
	layers []*layer // all, also those that nothing needs any more
	live   map[int32]*layer
	frozen map[types.ManagedObjectReference]map[int32]*layer // of each snapshot
	busy   *types.ManagedObjectReference                     // the task that merges
}

type allDisks struct {
	lock sync.Mutex
	vms  map[types.ManagedObjectReference]*vmDisks
	redo sync.Map // datastore paths of redo logs' descriptors
	data sync.Map // datastore paths of snapshots' .vmsn files, by snapshot
}

var theDisks = allDisks{vms: make(map[types.ManagedObjectReference]*vmDisks)}

// of answers the disks of a VM as its devices are now; callers hold the VM's lock and ours.
func (d *allDisks) of(ctx *Context, vm *VirtualMachine) *vmDisks {
	disks := d.vms[vm.Self]
	if disks == nil {
		disks = &vmDisks{
			live:   make(map[int32]*layer),
			frozen: make(map[types.ManagedObjectReference]map[int32]*layer),
		}
		d.vms[vm.Self] = disks
	}
	seen := make(map[int32]bool)
	for _, device := range vm.Config.Hardware.Device {
		disk, ok := device.(*types.VirtualDisk)
		if !ok || fileOf(disk.Backing) == nil {
			continue
		}
		seen[disk.Key] = true
		name := fileOf(disk.Backing).FileName
		if now := disks.live[disk.Key]; now != nil && now.name == name {
			continue
		}
		where, fault := parseDatastorePath(name)
		if fault != nil {
			continue
		}
		flat := &layer{key: disk.Key, name: name, capacity: disk.CapacityInBytes,
			path: vm.findDatastore(ctx, where.Datastore).resolve(ctx, where.Path)}
		disks.live[disk.Key], disks.layers = flat, append(disks.layers, flat)
	}
	for key := range disks.live {
		if !seen[key] {
			delete(disks.live, key)
		}
	}
	return disks
}

// know looks at the devices of a VM; callers hold its lock.
func (d *allDisks) know(ctx *Context, vm *VirtualMachine) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.of(ctx, vm)
}

// known tells whether anything was done with a VM's disks yet.
func (d *allDisks) known(vm types.ManagedObjectReference) bool {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.vms[vm] != nil
}

// freeze makes the live files those of a snapshot, and puts redo logs in their place.
func (d *allDisks) freeze(ctx *Context, vm *VirtualMachine, snapshot *VirtualMachineSnapshot) {
	d.lock.Lock()
	disks := d.of(ctx, vm)
	if theSettings.get().TrackFromCreate {
		disks.stun(vm)
	}
	frozen := make(map[int32]*layer)
	for _, device := range vm.Config.Hardware.Device {
		disk, ok := device.(*types.VirtualDisk)
		if !ok || !takesPart(disk.Backing) || disks.live[disk.Key] == nil {
			continue
		}
		base := disks.live[disk.Key]
		if disks.grow(d, base) == nil {
			continue
		}
		if base.tracker != nil {
			base.moment = base.tracker.next()
		}
		frozen[disk.Key] = base
	}
	disks.frozen[snapshot.Self] = frozen
	d.lock.Unlock()
	d.show(ctx, vm)
}

// grow puts a new redo log on top of a layer, as what the VM writes to.
func (disks *vmDisks) grow(d *allDisks, base *layer) *layer {
	top := &layer{key: base.key, parent: base, capacity: base.capacity, tracker: base.tracker}
	top.name, top.path = nextName(base.name, base.path)
	redo, err := createRedo(top.path, base.path, base.capacity)
	if err != nil {
		log.Printf("no redo log for %s: %s", base.name, err)
		return nil
	}
	top.redo = redo
	disks.live[base.key], disks.layers = top, append(disks.layers, top)
	d.redo.Store(top.name, true)
	return top
}

var numbered = regexp.MustCompile(`-\d{6}$`)

// nextName is the first free one of NAME-000001.vmdk, NAME-000002.vmdk ...; datastore and local path.
func nextName(name, local string) (string, string) {
	stem := numbered.ReplaceAllString(strings.TrimSuffix(name, ".vmdk"), "")
	localStem := numbered.ReplaceAllString(strings.TrimSuffix(local, ".vmdk"), "")
	for number := 1; ; number++ {
		tail := fmt.Sprintf("-%06d.vmdk", number)
		if _, err := os.Stat(localStem + tail); err != nil {
			return stem + tail, localStem + tail
		}
	}
}

// needed are the layers that the VM or a snapshot names.
func (disks *vmDisks) needed(each *layer) bool {
	for _, now := range disks.live {
		if now == each {
			return true
		}
	}
	return disks.isFrozen(each)
}

// isFrozen tells whether a snapshot names a layer.
func (disks *vmDisks) isFrozen(each *layer) bool {
	for _, frozen := range disks.frozen {
		if frozen[each.key] == each {
			return true
		}
	}
	return false
}

func (disks *vmDisks) children(of *layer) []*layer {
	var found []*layer
	for _, each := range disks.layers {
		if each.parent == of {
			found = append(found, each)
		}
	}
	return found
}

// superfluous answers a layer that nobody names with its only child, which can be merged into it.
func (disks *vmDisks) superfluous() (base, child *layer) {
	for _, each := range disks.layers {
		if children := disks.children(each); len(children) == 1 && !disks.needed(each) {
			return each, children[0]
		}
	}
	return nil, nil
}

// replace puts a layer where its child was, which is in it by now.
func (disks *vmDisks) replace(d *allDisks, child, base *layer) {
	for key, each := range disks.live {
		if each == child {
			disks.live[key] = base
		}
	}
	for _, frozen := range disks.frozen {
		if frozen[child.key] == child {
			frozen[child.key] = base
		}
	}
	for _, each := range disks.children(child) {
		each.parent = base
	}
	base.tracker, base.moment = child.tracker, child.moment
	disks.drop(d, child)
}

// drop forgets a redo log and deletes its files.
func (disks *vmDisks) drop(d *allDisks, each *layer) {
	disks.layers = slices.DeleteFunc(disks.layers, func(other *layer) bool { return other == each })
	if each.redo != nil {
		each.redo.remove(each.path)
		d.redo.Delete(each.name)
	}
}

// prune drops redo logs that nothing stands on and nobody names.
func (disks *vmDisks) prune(d *allDisks) {
	for again := true; again; {
		again = false
		for _, each := range slices.Clone(disks.layers) {
			if len(disks.children(each)) == 0 && !disks.needed(each) {
				disks.drop(d, each)
				again = true
			}
		}
	}
}

// show writes to the devices of the VM and of its snapshots which files they have now.
func (d *allDisks) show(ctx *Context, vm *VirtualMachine) {
	d.lock.Lock()
	disks := d.vms[vm.Self] // not d.of: the devices are not what they are to be yet
	if disks == nil {
		d.lock.Unlock()
		return
	}
	devices := vm.cloneDevice()
	showLayers(devices, disks.live)
	frozenDevices := make(map[*VirtualMachineSnapshot][]types.BaseVirtualDevice)
	for ref, frozen := range disks.frozen {
		if snapshot, ok := ctx.Map.Get(ref).(*VirtualMachineSnapshot); ok {
			copies := types.ArrayOfVirtualDevice{}
			deepCopy(types.ArrayOfVirtualDevice{VirtualDevice: snapshot.Config.Hardware.Device}, &copies)
			showLayers(copies.VirtualDevice, frozen)
			frozenDevices[snapshot] = copies.VirtualDevice
		}
	}
	base, _ := disks.superfluous()
	left := base != nil && disks.busy == nil
	d.lock.Unlock()
	for snapshot, copies := range frozenDevices {
		ctx.WithLock(snapshot, func() {
			ctx.Update(snapshot, []types.PropertyChange{{Name: "config.hardware.device", Val: copies}})
		})
	}
	changes := []types.PropertyChange{{Name: "config.hardware.device", Val: devices}}
	if left != vm.Runtime.ConsolidationNeeded {
		changes = append(changes,
			types.PropertyChange{Name: "runtime.consolidationNeeded", Val: left})
	}
	ctx.Update(vm, changes)
	vm.updateDiskLayouts(ctx)
}

func showLayers(devices []types.BaseVirtualDevice, layers map[int32]*layer) {
	for _, device := range devices {
		disk, ok := device.(*types.VirtualDisk)
		if ok && layers[disk.Key] != nil {
			at := layers[disk.Key]
			disk.Backing = backingAt(disk.Backing, at)
			disk.CapacityInBytes, disk.CapacityInKB = at.capacity, at.capacity/1024
		}
	}
}

// vdmNames are the files of a virtual disk: a redo log's data is not in a flat file.
func vdmNames(name string) []string {
	names := stockVdmNames(name)
	if _, redo := theDisks.redo.Load(name); redo {
		names[0] = strings.TrimSuffix(name, path.Ext(name)) + "-delta.vmdk"
	}
	return names
}
