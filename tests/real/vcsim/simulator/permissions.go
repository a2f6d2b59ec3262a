//go:build vendored

package simulator

import (
	"reflect"

	"github.com/vmware/govmomi/vim25/types"
)

// An object that a fault rule hides is in no answer.
func (rr *retrieveResult) collect(ctx *Context, ref types.ManagedObjectReference) {
	if theFaults.some() && theFaults.absent(ctx, ref) {
		return
	}
	rr.stockCollect(ctx, ref)
}

// Properties that a fault rule refuses stand in missingSet with NoPermission; the others are there.
func (rr *retrieveResult) collectFields(ctx *Context, rval reflect.Value, fields []string, content *types.ObjectContent) {
	if !theFaults.some() {
		rr.stockCollectFields(ctx, rval, fields, content)
		return
	}
	allowed := make([]string, 0, len(fields))
	for _, path := range fields {
		privilege := theFaults.refused(ctx, content.Obj, path)
		if privilege == "" {
			allowed = append(allowed, path)
			continue
		}
		content.MissingSet = append(content.MissingSet, types.MissingProperty{
			Path: path,
			Fault: types.LocalizedMethodFault{
				Fault:            &types.NoPermission{Object: &content.Obj, PrivilegeId: privilege},
				LocalizedMessage: "Permission to perform this operation was denied.",
			},
		})
	}
	rr.stockCollectFields(ctx, rval, allowed, content)
}
