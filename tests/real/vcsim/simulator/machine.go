//go:build vendored

package simulator

import "github.com/vmware/govmomi/vim25/types"

// apply keeps what the stock simulator drops of a VM's specification: performance counters for
// guests, swap placement, how vApp properties reach the guest, NUMA and the like.
func (vm *VirtualMachine) apply(spec *types.VirtualMachineConfigSpec) {
	vm.stockApply(spec)
	rest := *spec
	rest.ExtraConfig = nil // these have ways of their own
	rest.Files = nil
	rest.ChangeVersion = ""
	merge(vm.Config, &rest)
	if spec.VirtualICH7MPresent != nil {
		vm.Config.Hardware.VirtualICH7MPresent = spec.VirtualICH7MPresent
	}
	if spec.VirtualSMCPresent != nil {
		vm.Config.Hardware.VirtualSMCPresent = spec.VirtualSMCPresent
	}
	if spec.VAppConfig != nil && vm.Config.VAppConfig != nil {
		merge(vm.Config.VAppConfig.GetVmConfigInfo(), spec.VAppConfig.GetVmConfigSpec())
	}
}
