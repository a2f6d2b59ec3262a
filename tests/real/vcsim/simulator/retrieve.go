//go:build vendored

package simulator

import (
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// A retrieval that names a property which the type does not have fails as a whole, as it does in
// vCenter; the stock simulator puts the fault into missingSet, or says nothing below a value that is
// not set.
func (pc *PropertyCollector) RetrievePropertiesEx(ctx *Context, r *types.RetrievePropertiesEx) soap.HasFault {
	version := ctx.Map.content().About.ApiVersion
	for _, spec := range r.SpecSet {
		for _, set := range spec.PropSet {
			for _, path := range set.PathSet {
				if !propertyKnown(set.Type, path, version) {
					return &methods.RetrievePropertiesExBody{
						Fault_: Fault("", &types.InvalidProperty{Name: path}),
					}
				}
			}
		}
	}
	return pc.stockRetrievePropertiesEx(ctx, r)
}

// A page comes without the objects that a Vanish rule is about.
func (pc *PropertyCollector) ContinueRetrievePropertiesEx(ctx *Context, r *types.ContinueRetrievePropertiesEx) soap.HasFault {
	if entry, ok := retrievePropertiesExBook.Load(r.Token); ok && theFaults.some() {
		page := entry.(retrievePropertiesExPage)
		left, complaint := theFaults.vanishing(ctx, page.Objects)
		page.Objects = left
		retrievePropertiesExBook.Store(r.Token, page)
		if complaint != nil {
			return &methods.ContinueRetrievePropertiesExBody{
				Fault_: Fault("The object has already been deleted or has not been completely created",
					&types.ManagedObjectNotFound{Obj: *complaint}),
			}
		}
	}
	body := pc.stockContinueRetrievePropertiesEx(ctx, r)
	if page, ok := body.(*methods.ContinueRetrievePropertiesExBody); ok {
		if page.Fault_ == nil && page.Res == nil { // all that was left has vanished
			page.Res = new(types.ContinueRetrievePropertiesExResponse)
		}
		if page.Res != nil {
			dropUnset(page.Res.Returnval.Objects)
		}
	}
	return body
}

// dropUnset takes properties without a value out, which the stock simulator does on first pages only.
func dropUnset(objects []types.ObjectContent) {
	for i := range objects {
		set := objects[i].PropSet[:0]
		for _, property := range objects[i].PropSet {
			if property.Val != nil {
				set = append(set, property)
			}
		}
		objects[i].PropSet = set
	}
}
