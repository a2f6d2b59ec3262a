//go:build vendored

package simulator

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Leases give out the disks of a VM that is off, or of a snapshot, as streamOptimized VMDKs
// (lease_data.go). One ends with Complete or Abort, with its session, or into the state error when
// nobody calls Progress for too long, whatever is being read meanwhile.

type exportLease struct {
	lease   *HttpNfcLease
	vm      types.ManagedObjectReference
	session string
	token   string
	disks   map[string]*exportedDisk // by the name in the URL
	timer   *time.Timer
	timeout time.Duration
	over    chan struct{} // closed when nothing may be read any more
}

type exportLeases struct {
	lock sync.Mutex
	open map[types.ManagedObjectReference]*exportLease
}

var theLeases = exportLeases{open: make(map[types.ManagedObjectReference]*exportLease)}

// ExportVm gives out the disks as they are; the VM has to be off.
func (vm *VirtualMachine) ExportVm(ctx *Context, req *types.ExportVm) soap.HasFault {
	body := new(methods.ExportVmBody)
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
		body.Fault_ = Fault("InvalidPowerState", &types.InvalidPowerState{
			RequestedState: types.VirtualMachinePowerStatePoweredOff, ExistingState: vm.Runtime.PowerState,
		})
		return body
	}
	theDisks.lock.Lock()
	layers := maps.Clone(theDisks.of(ctx, vm).live)
	theDisks.lock.Unlock()
	rule := theFaults.onDemand(ctx, "LeaseFails", vm.Self, "ExportVm")
	lease := theLeases.begin(ctx, vm, vm.Config.Hardware.Device, layers, rule)
	body.Res = &types.ExportVmResponse{Returnval: lease}
	return body
}

// ExportSnapshot gives out the disks that a snapshot froze.
func (v *VirtualMachineSnapshot) ExportSnapshot(ctx *Context, req *types.ExportSnapshot) soap.HasFault {
	vm := ctx.Map.Get(v.Vm).(*VirtualMachine)
	theDisks.lock.Lock()
	layers := make(map[int32]*layer)
	if disks := theDisks.vms[v.Vm]; disks != nil {
		layers = maps.Clone(disks.frozen[v.Self])
	}
	theDisks.lock.Unlock()
	rule := theFaults.onDemand(ctx, "LeaseFails", v.Vm, "ExportSnapshot")
	lease := theLeases.begin(ctx, vm, v.Config.Hardware.Device, layers, rule)
	return &methods.ExportSnapshotBody{Res: &types.ExportSnapshotResponse{Returnval: lease}}
}

// begin makes a lease, which becomes ready, or fails, a little later.
func (l *exportLeases) begin(ctx *Context, vm *VirtualMachine, devices object.VirtualDeviceList,
	layers map[int32]*layer, failing *faultRule) types.ManagedObjectReference {
	values := theSettings.get()
	made := &exportLease{
		lease: newHttpNfcLease(ctx), vm: vm.Self, session: ctx.Session.Key, token: uuid.NewString(),
		disks: make(map[string]*exportedDisk), over: make(chan struct{}),
		timeout: time.Duration(values.LeaseSeconds * float64(time.Second)),
	}
	made.lease.Mode = string(types.HttpNfcLeaseModePushOrGet)
	var urls []types.HttpNfcLeaseDeviceUrl
	var total int64
	for _, key := range slices.Sorted(maps.Keys(layers)) {
		device, _ := devices.FindByKey(key).(*types.VirtualDisk)
		if device == nil {
			continue
		}
		name := fmt.Sprintf("disk-%d.vmdk", len(urls))
		url := leaseURL(ctx)
		url.Path = nfcPrefix + made.token + "/" + name
		place := fmt.Sprintf("/%s/%s", vm.Self.Value, devicePlace(devices, device))
		made.disks[name] = &exportedDisk{key: place, layer: layers[key]}
		total += layers[key].capacity
		urls = append(urls, types.HttpNfcLeaseDeviceUrl{
			Key: place, ImportKey: fmt.Sprintf("/%s/%s", vm.Name, devicePlace(devices, device)),
			Url: url.String(), SslThumbprint: thumbprint(ctx), Disk: types.NewBool(true), TargetId: name,
		})
	}
	own := *ctx
	made.timer = time.AfterFunc(made.timeout, func() { l.fail(&own, made, new(types.Timedout)) })
	l.lock.Lock()
	l.open[made.lease.Self] = made
	l.lock.Unlock()
	time.AfterFunc(time.Duration(values.LeaseInitialisation*float64(time.Second)), func() {
		if failing != nil {
			l.fail(&own, made, failing.error())
			return
		}
		if !l.on(&own, vm.Self) {
			return
		}
		made.lease.ready(&own, vm.Self, urls)
		own.WithLock(made.lease, func() {
			made.lease.Info.LeaseTimeout = int32(max(1, values.LeaseSeconds))
			made.lease.Info.TotalDiskCapacityInKB = total / 1024
		})
	})
	return made.lease.Self
}

// devicePlace names a disk by its controller: `ParaVirtualSCSIController0:1`.
func devicePlace(devices object.VirtualDeviceList, disk *types.VirtualDisk) string {
	kind, bus, unit := "VirtualController", int32(0), int32(0)
	if controller := devices.FindByKey(disk.ControllerKey); controller != nil {
		kind = devices.TypeName(controller)
		if at, ok := controller.(types.BaseVirtualController); ok {
			bus = at.GetVirtualController().BusNumber
		}
	}
	if disk.UnitNumber != nil {
		unit = *disk.UnitNumber
	}
	return fmt.Sprintf("%s%d:%d", kind, bus, unit)
}

func thumbprint(ctx *Context) string {
	tls := ctx.Map.SessionManager().TLS
	if tls == nil || len(tls().Certificates) == 0 {
		return ""
	}
	certificate, err := x509.ParseCertificate(tls().Certificates[0].Certificate[0])
	if err != nil {
		return ""
	}
	return soap.ThumbprintSHA1(certificate)
}

// fail puts a lease into the state error and cuts off who reads.
func (l *exportLeases) fail(ctx *Context, lease *exportLease, fault types.BaseMethodFault) {
	l.lock.Lock()
	if l.open[lease.lease.Self] != lease {
		l.lock.Unlock()
		return
	}
	l.close(lease)
	l.lock.Unlock()
	lease.lease.error(ctx, &types.LocalizedMethodFault{Fault: fault, LocalizedMessage: faultName(fault)})
}

// close ends the reading; callers hold the lock.
func (l *exportLeases) close(lease *exportLease) {
	lease.timer.Stop()
	delete(l.open, lease.lease.Self)
	close(lease.over)
	nfcLease.Delete(lease.lease.Self)
}

// sweep ends the leases of sessions that are over; callers hold the lock.
func (l *exportLeases) sweep(ctx *Context) {
	for _, lease := range slices.Collect(maps.Values(l.open)) {
		if _, there := ctx.sessionManager().getSession(lease.session); !there {
			l.close(lease)
		}
	}
}

// on tells whether a lease is on a VM.
func (l *exportLeases) on(ctx *Context, vm types.ManagedObjectReference) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.sweep(ctx)
	for _, lease := range l.open {
		if lease.vm == vm {
			return true
		}
	}
	return false
}

// take answers an open lease of ours, and keeps it alive or closes it.
func (l *exportLeases) take(ref types.ManagedObjectReference, end bool) *exportLease {
	l.lock.Lock()
	defer l.lock.Unlock()
	lease := l.open[ref]
	switch {
	case lease == nil:
	case end:
		l.close(lease)
	default:
		lease.timer.Reset(lease.timeout)
	}
	return lease
}

// over is the fault of a call to a lease of which only the error is left.
func (l *HttpNfcLease) over() *soap.Fault {
	if l.State == types.HttpNfcLeaseStateError {
		return Fault("Timedout", new(types.Timedout))
	}
	return nil
}

func (l *HttpNfcLease) HttpNfcLeaseProgress(ctx *Context, req *types.HttpNfcLeaseProgress) soap.HasFault {
	if fault := l.over(); fault != nil {
		return &methods.HttpNfcLeaseProgressBody{Fault_: fault}
	}
	theLeases.take(l.Self, false)
	return l.stockHttpNfcLeaseProgress(ctx, req)
}

func (l *HttpNfcLease) HttpNfcLeaseComplete(ctx *Context, req *types.HttpNfcLeaseComplete) soap.HasFault {
	if fault := l.over(); fault != nil {
		return &methods.HttpNfcLeaseCompleteBody{Fault_: fault}
	}
	theLeases.take(l.Self, true)
	return l.stockHttpNfcLeaseComplete(ctx, req)
}

func (l *HttpNfcLease) HttpNfcLeaseAbort(ctx *Context, req *types.HttpNfcLeaseAbort) soap.HasFault {
	theLeases.take(l.Self, true)
	return l.stockHttpNfcLeaseAbort(ctx, req)
}

// HttpNfcLeaseGetManifest tells of the disks that were read to the end.
func (l *HttpNfcLease) HttpNfcLeaseGetManifest(ctx *Context, req *types.HttpNfcLeaseGetManifest) soap.HasFault {
	lease := theLeases.take(l.Self, false)
	if lease == nil {
		return l.stockHttpNfcLeaseGetManifest(ctx, req)
	}
	body := &methods.HttpNfcLeaseGetManifestBody{Res: new(types.HttpNfcLeaseGetManifestResponse)}
	for _, name := range slices.Sorted(maps.Keys(lease.disks)) {
		if entry := lease.disks[name].manifest.Load(); entry != nil {
			body.Res.Returnval = append(body.Res.Returnval, *entry)
		}
	}
	return body
}
