//go:build vendored

package simulator

import (
	"fmt"
	"sync"

	"github.com/vmware/govmomi/vim25/types"
)

// Which storage policy a VM's home and each of its disks were given, when the VM was made or changed.
// The stock simulator drops that; the policy service (package pbm/simulator) answers from here.

type assignedProfiles struct {
	lock sync.Mutex
	home map[types.ManagedObjectReference]string
	disk map[types.ManagedObjectReference]map[int32]string
}

var theAssignments = assignedProfiles{
	home: make(map[types.ManagedObjectReference]string),
	disk: make(map[types.ManagedObjectReference]map[int32]string),
}

// Assignment is a policy of a VM's home (Disk is 0) or of the disk with that device key.
type Assignment struct {
	VM      types.ManagedObjectReference
	Disk    int32
	Profile string
}

// Key is how the policy service names the object: `vm-21` or `vm-21:2000`.
func (a Assignment) Key() string {
	if a.Disk == 0 {
		return a.VM.Value
	}
	return fmt.Sprintf("%s:%d", a.VM.Value, a.Disk)
}

// Assignments answers every assignment to something that is still there.
func Assignments(ctx *Context) []Assignment {
	theAssignments.lock.Lock()
	defer theAssignments.lock.Unlock()
	registry := ctx.For("/sdk").Map
	var found []Assignment
	for vm, profile := range theAssignments.home {
		if registry.Get(vm) != nil {
			found = append(found, Assignment{VM: vm, Profile: profile})
		}
	}
	for vm, disks := range theAssignments.disk {
		machine, ok := registry.Get(vm).(*VirtualMachine)
		if !ok {
			continue
		}
		for _, device := range machine.Config.Hardware.Device {
			key := device.GetVirtualDevice().Key
			if profile := disks[key]; profile != "" {
				found = append(found, Assignment{VM: vm, Disk: key, Profile: profile})
			}
		}
	}
	return found
}

func profileOf(specs []types.BaseVirtualMachineProfileSpec) (string, bool) {
	for _, spec := range specs {
		switch named := spec.(type) {
		case *types.VirtualMachineDefinedProfileSpec:
			return named.ProfileId, true
		case *types.VirtualMachineEmptyProfileSpec, *types.VirtualMachineDefaultProfileSpec:
			return "", true
		}
	}
	return "", false
}

// Every way to make or change a VM comes by here; device keys are settled afterwards.
func (vm *VirtualMachine) configureDevices(ctx *Context, spec *types.VirtualMachineConfigSpec) types.BaseMethodFault {
	if fault := theDisks.forbids(vm, spec); fault != nil {
		return fault
	}
	if fault := vm.stockConfigureDevices(ctx, spec); fault != nil {
		return fault
	}
	theDisks.configured(ctx, vm, spec)
	theAssignments.lock.Lock()
	defer theAssignments.lock.Unlock()
	if profile, said := profileOf(spec.VmProfile); said {
		theAssignments.home[vm.Self] = profile
	}
	for _, change := range spec.DeviceChange {
		device := change.GetVirtualDeviceConfigSpec()
		if profile, said := profileOf(device.Profile); said {
			if theAssignments.disk[vm.Self] == nil {
				theAssignments.disk[vm.Self] = make(map[int32]string)
			}
			theAssignments.disk[vm.Self][device.Device.GetVirtualDevice().Key] = profile
		}
	}
	return nil
}
