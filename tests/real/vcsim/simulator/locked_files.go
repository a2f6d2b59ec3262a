//go:build vendored

package simulator

import (
	"net/http"
	"path"
	"strings"

	"github.com/vmware/govmomi/vim25/types"
)

// ServeDatastore refuses to give out a disk's data that somebody writes to: the live file of a VM that
// runs, and one into which a snapshot is being merged. A real host has such files locked. What a
// snapshot froze can be read while the VM runs.
func (s *Service) ServeDatastore(w http.ResponseWriter, r *http.Request) {
	status := theSettings.get().LockedStatus
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if reads && status >= 300 && path.Ext(r.URL.Path) == ".vmdk" {
		if ds, err := s.findDatastore(r.URL.Query()); err == nil {
			own := *s.Context
			file := ds.resolve(&own, strings.TrimPrefix(r.URL.Path, folderPrefix))
			if theDisks.locked(&own, ds, file) {
				http.Error(w, "the file is locked", status)
				return
			}
		}
	}
	if reads && path.Ext(r.URL.Path) == ".vmdk" && theSettings.lives(r.Method+r.URL.String()+r.Header.Get("Range")) {
		w = &lying{ResponseWriter: w}
	}
	s.stockServeDatastore(w, r)
}

// lying gives the first byte of every answer another value, as if the guest had written it just now.
type lying struct {
	http.ResponseWriter
	begun bool
}

func (l *lying) Write(data []byte) (int, error) {
	if !l.begun && len(data) > 0 {
		l.begun = true
		data = append([]byte{data[0] ^ 0xff}, data[1:]...)
	}
	return l.ResponseWriter.Write(data)
}

// locked tells whether a local file is the data of a disk that is being written to.
func (d *allDisks) locked(ctx *Context, ds *Datastore, file string) bool {
	d.lock.Lock()
	for _, disks := range d.vms {
		for _, each := range disks.layers {
			if each.merging && each.data() == file {
				d.lock.Unlock()
				return true
			}
		}
	}
	d.lock.Unlock()
	for _, entity := range ctx.Map.All("VirtualMachine") {
		vm := entity.(*VirtualMachine)
		held := false
		ctx.WithLock(vm, func() {
			if vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOff {
				return
			}
			for _, device := range vm.Config.Hardware.Device {
				disk, ok := device.(*types.VirtualDisk)
				if !ok || fileOf(disk.Backing) == nil {
					continue
				}
				where, fault := parseDatastorePath(fileOf(disk.Backing).FileName)
				if fault != nil || where.Datastore != ds.Name {
					continue
				}
				data := vdmNames(fileOf(disk.Backing).FileName)[0]
				if name, fault := parseDatastorePath(data); fault == nil && ds.resolve(ctx, name.Path) == file {
					held = true
				}
			}
		})
		if held {
			return true
		}
	}
	return false
}
