//go:build vendored

package simulator

import (
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// Every distributed switch of a vCenter is a VmwareDistributedVirtualSwitch, and only that type has
// methods such as those for LACP. The stock simulator makes objects of the type above it.

const switchType = "VmwareDistributedVirtualSwitch"

func typeName(item mo.Reference) string {
	if _, ok := item.(*DistributedVirtualSwitch); ok {
		return switchType
	}
	return stockTypeName(item)
}

// Update writes through an object of the right type, since that says where properties are.
func (r *Registry) Update(ctx *Context, obj mo.Reference, changes []types.PropertyChange) {
	dvs, ok := obj.(*DistributedVirtualSwitch)
	if !ok || dvs.Self.Type != switchType {
		r.stockUpdate(ctx, obj, changes)
		return
	}
	whole := &mo.VmwareDistributedVirtualSwitch{DistributedVirtualSwitch: dvs.DistributedVirtualSwitch}
	r.stockUpdate(ctx, whole, changes)
	dvs.DistributedVirtualSwitch = whole.DistributedVirtualSwitch
}

// All answers switches for the name of the type above, too.
func (r *Registry) All(kind string) []mo.Entity {
	if kind == "DistributedVirtualSwitch" {
		kind = switchType
	}
	return r.stockAll(kind)
}
