//go:build vendored

package simulator

import (
	"slices"

	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Every call of the API comes by here.

// withoutSession are the retrievals that a stock simulator answers without a session, in part.
var withoutSession = []string{"RetrieveProperties", "RetrievePropertiesEx", "ContinueRetrievePropertiesEx"}

func (s *Service) call(ctx *Context, method *Method) soap.HasFault {
	if ctx.req != nil {
		theFaults.forget(ctx)
	}
	if ctx.Session == nil && slices.Contains(withoutSession, method.Name) && !asksForService(method) {
		return &serverFaultBody{Reason: Fault("The session is not authenticated.", &types.NotAuthenticated{
			NoPermission: types.NoPermission{Object: &method.This, PrivilegeId: "System.View"},
		})}
	}
	if ctx.Session != nil && method.Name != "Login" && method.Name != "Logout" && ctx.req != nil {
		if fault := theFaults.ofCall(ctx, method); fault != nil {
			return &serverFaultBody{Reason: Fault("by a fault rule", fault)}
		}
		if fault := theDisks.refuses(ctx, method); fault != nil {
			return &serverFaultBody{Reason: Fault(faultName(fault), fault)}
		}
	}
	return s.stockCall(ctx, method)
}

// asksForService tells whether a retrieval is about what everybody may see before a login.
func asksForService(method *Method) bool {
	var specs []types.PropertyFilterSpec
	switch req := method.Body.(type) {
	case *types.RetrieveProperties:
		specs = req.SpecSet
	case *types.RetrievePropertiesEx:
		specs = req.SpecSet
	}
	for _, spec := range specs {
		for _, object := range spec.ObjectSet {
			if object.Obj.Type != "ServiceInstance" && object.Obj.Type != "SessionManager" {
				return false
			}
		}
	}
	return len(specs) != 0
}
