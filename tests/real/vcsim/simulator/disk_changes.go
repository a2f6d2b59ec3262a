//go:build vendored

package simulator

import (
	"os"

	"github.com/vmware/govmomi/vim25/types"
)

// What changes of a VM's hardware and power mean for its disks.

// forbids answers the fault of growing a disk that has snapshots.
func (d *allDisks) forbids(vm *VirtualMachine, spec *types.VirtualMachineConfigSpec) types.BaseMethodFault {
	d.lock.Lock()
	defer d.lock.Unlock()
	disks := d.vms[vm.Self]
	if disks == nil {
		return nil
	}
	for _, change := range spec.DeviceChange {
		device := change.GetVirtualDeviceConfigSpec()
		disk, ok := device.Device.(*types.VirtualDisk)
		if !ok || device.Operation != types.VirtualDeviceConfigSpecOperationEdit {
			continue
		}
		at := disks.live[disk.Key]
		if at != nil && at.parent != nil && max(disk.CapacityInBytes, disk.CapacityInKB*1024) > at.capacity {
			return new(types.InvalidDeviceOperation)
		}
	}
	return nil
}

// configured follows a change of the hardware: files of destroyed disks go, grown disks grow.
func (d *allDisks) configured(ctx *Context, vm *VirtualMachine, spec *types.VirtualMachineConfigSpec) {
	if !d.known(vm.Self) {
		return
	}
	d.lock.Lock()
	disks := d.vms[vm.Self]
	for _, change := range spec.DeviceChange {
		device := change.GetVirtualDeviceConfigSpec()
		if device.Operation == types.VirtualDeviceConfigSpecOperationRemove &&
			device.FileOperation == types.VirtualDeviceConfigSpecFileOperationDestroy {
			disks.destroy(device.Device.GetVirtualDevice().Key)
		}
	}
	disks = d.of(ctx, vm)
	disks.prune(d)
	for _, device := range vm.Config.Hardware.Device {
		if disk, ok := device.(*types.VirtualDisk); ok && disks.live[disk.Key] != nil {
			disks.live[disk.Key].resize(disk.CapacityInBytes)
		}
	}
	d.lock.Unlock()
	d.show(ctx, vm)
}

// destroy deletes the files of a disk that no snapshot names.
func (disks *vmDisks) destroy(key int32) {
	at := disks.live[key]
	delete(disks.live, key)
	for ; at != nil && !disks.needed(at); at = at.parent {
		_ = os.Remove(at.data())
		_ = os.Remove(at.path)
	}
}

// resize makes a disk without snapshots larger, and its tracking begin anew.
func (l *layer) resize(capacity int64) {
	if capacity <= l.capacity || l.parent != nil {
		return
	}
	l.capacity = capacity
	if l.tracker != nil {
		l.tracker = newTracker()
	}
	if info, err := os.Stat(l.data()); err == nil && info.Size() != 0 {
		_ = os.Truncate(l.data(), capacity)
	}
}

// Run also makes change tracking come true when the VM is powered on.
func (c *powerVMTask) Run(task *Task) (types.AnyType, types.BaseMethodFault) {
	result, fault := c.stockRun(task)
	vm := c.VirtualMachine
	tracked := vm.Config.ChangeTrackingEnabled != nil && *vm.Config.ChangeTrackingEnabled
	if fault == nil && c.state == types.VirtualMachinePowerStatePoweredOn && (tracked || theDisks.known(vm.Self)) {
		theDisks.lock.Lock()
		theDisks.of(c.ctx, vm).stun(vm)
		theDisks.lock.Unlock()
		theDisks.show(c.ctx, vm)
	}
	return result, fault
}
