//go:build vendored

package simulator

import (
	"runtime/debug"
	"sync/atomic"

	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

// Until the vCenter serves, a task is done when it is made. The stock simulator always hands it to a
// goroutine, and the model's own client then waits for it in steps of 20 ms: minutes for 10,000 VMs.

var serving atomic.Bool

func init() {
	usual := debug.SetGCPercent(400) // nothing becomes garbage yet that would be worth the search
	RegisterEndpoint(func(*Service, *Registry) {
		serving.Store(true)
		debug.SetGCPercent(usual)
	})
}

// Run runs the task, at once while nobody else is there.
func (t *Task) Run(ctx *Context) types.ManagedObjectReference {
	if serving.Load() {
		return t.stockRun(ctx)
	}
	if ctx.Map.Path != vim25.Path {
		ctx = ctx.For(vim25.Path)
	}
	t.ctx = ctx
	t.Self = ctx.Map.newReference(t)
	t.Info.Key = t.Self.Value
	t.Info.Task = t.Self
	ctx.Map.Put(t)

	unlock := ctx.Map.AcquireLock(ctx, &taskReference{Self: *t.Info.Entity})
	result, fault := t.Execute(t)
	unlock()

	t.Info.State = types.TaskInfoStateSuccess
	t.Info.Result = result
	if fault != nil {
		t.Info.State = types.TaskInfoStateError
		t.Info.Error = &types.LocalizedMethodFault{Fault: fault}
	}
	return t.Self
}
