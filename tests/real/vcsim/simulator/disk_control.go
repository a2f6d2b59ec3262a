//go:build vendored

package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/vmware/govmomi/vim25/types"
)

// Control endpoints (control.go) for disks; VMs and snapshots by their ids, disks by their device keys.
//
//	GET, PUT /mtv/disk-settings                  diskSettings, all or some
//	POST /mtv/disks/VM/KEY?offset=N              the body is written as the running guest
//	GET /mtv/disks/VM/KEY?offset=N&length=N      what the disk holds; &snapshot=ID: held then
//	POST /mtv/disks/VM/KEY/reset                 its change tracking begins anew
//	POST /mtv/disks/VM/KEY/grow?bytes=N          it becomes larger; not while it has snapshots
//	POST /mtv/disks/VM/KEY/move?to=DATASTORE     as Storage vMotion does; not while it has snapshots
//	POST /mtv/snapshots/ID/vanish                somebody else removes it
//	GET /mtv/state                               see state.go

func init() {
	RegisterEndpoint(func(s *Service, r *Registry) {
		if !r.IsVPX() && !r.IsESX() {
			return
		}
		handle := func(pattern string, do func(*Context, http.ResponseWriter, *http.Request) error) {
			s.ServeMux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
				own := *s.Context
				if err := do(&own, w, req); err != nil {
					answer(w, err)
				}
			})
		}
		handle("PUT /mtv/disk-settings", putSettings)
		handle("GET /mtv/disk-settings", getSettings)
		handle("POST /mtv/disks/{vm}/{key}", writeDisk)
		handle("GET /mtv/disks/{vm}/{key}", readDisk)
		handle("POST /mtv/disks/{vm}/{key}/reset", resetTracking)
		handle("POST /mtv/disks/{vm}/{key}/grow", growDisk)
		handle("POST /mtv/disks/{vm}/{key}/move", moveDisk)
		handle("POST /mtv/snapshots/{snapshot}/vanish", vanish)
		handle("GET /mtv/state", getState)
	})
}

func putSettings(_ *Context, w http.ResponseWriter, req *http.Request) error {
	text, err := io.ReadAll(req.Body)
	if err == nil {
		err = theSettings.load(text)
	}
	answer(w, err)
	return nil
}

func getSettings(_ *Context, w http.ResponseWriter, _ *http.Request) error {
	return json.NewEncoder(w).Encode(theSettings.get())
}

func number(req *http.Request, name string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(req.URL.Query().Get(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// withDisk does something with the live layer of a disk, holding the VM's lock and ours.
func withDisk(ctx *Context, req *http.Request, do func(*VirtualMachine, *vmDisks, *layer) error) error {
	ref := types.ManagedObjectReference{Type: "VirtualMachine", Value: req.PathValue("vm")}
	vm, ok := ctx.Map.Get(ref).(*VirtualMachine)
	key, err := strconv.ParseInt(req.PathValue("key"), 10, 32)
	if !ok || err != nil {
		return errors.New("no such VM")
	}
	ctx.WithLock(vm, func() {
		theDisks.lock.Lock()
		defer theDisks.lock.Unlock()
		disks := theDisks.of(ctx, vm)
		at := disks.live[int32(key)]
		if at == nil {
			err = errors.New("no such disk, or a raw one")
			return
		}
		err = do(vm, disks, at)
	})
	return err
}

func writeDisk(ctx *Context, w http.ResponseWriter, req *http.Request) error {
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	offset := number(req, "offset", 0)
	answer(w, withDisk(ctx, req, func(vm *VirtualMachine, _ *vmDisks, at *layer) error {
		if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
			return errors.New("the VM does not run: no guest writes")
		}
		if err := at.writeAt(data, offset); err != nil {
			return err
		}
		if at.tracker != nil {
			at.tracker.record(offset, int64(len(data)))
		}
		return nil
	}))
	return nil
}

func readDisk(ctx *Context, w http.ResponseWriter, req *http.Request) error {
	var data []byte
	err := withDisk(ctx, req, func(_ *VirtualMachine, disks *vmDisks, at *layer) error {
		if id := req.URL.Query().Get("snapshot"); id != "" {
			ref := types.ManagedObjectReference{Type: "VirtualMachineSnapshot", Value: id}
			if at = disks.frozen[ref][at.key]; at == nil {
				return errors.New("no such snapshot, or it is not about this disk")
			}
		}
		offset := number(req, "offset", 0)
		length := number(req, "length", at.capacity-offset)
		if offset < 0 || length < 0 || offset+length > at.capacity {
			return fmt.Errorf("%s ends at %d", at.name, at.capacity)
		}
		data = make([]byte, length)
		return at.readAt(data, offset)
	})
	if err == nil {
		_, _ = w.Write(data)
	}
	return err
}

func resetTracking(ctx *Context, w http.ResponseWriter, req *http.Request) error {
	return changed(ctx, w, req, func(at *layer) error {
		if at.tracker == nil {
			return errors.New("the disk's changes are not tracked")
		}
		at.tracker = newTracker()
		return nil
	})
}

func growDisk(ctx *Context, w http.ResponseWriter, req *http.Request) error {
	return changed(ctx, w, req, func(at *layer) error {
		if at.parent != nil {
			return errors.New("a disk with snapshots cannot grow")
		}
		at.resize(at.capacity + number(req, "bytes", 0))
		return nil
	})
}

// moveDisk takes a disk's files to the folder of the same name on another datastore.
func moveDisk(ctx *Context, w http.ResponseWriter, req *http.Request) error {
	var owner *VirtualMachine
	var to *Datastore
	err := withDisk(ctx, req, func(vm *VirtualMachine, _ *vmDisks, at *layer) error {
		owner = vm
		if at.parent != nil {
			return errors.New("a disk with snapshots does not move here")
		}
		where, fault := parseDatastorePath(at.name)
		if fault != nil {
			return errors.New("its file has no name")
		}
		if to = vm.findDatastore(ctx, req.URL.Query().Get("to")); to == nil {
			return errors.New("no such datastore")
		}
		path := to.resolve(ctx, where.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		before := at.data()
		_ = os.Rename(at.path, path)
		at.name, at.path = fmt.Sprintf("[%s] %s", to.Name, where.Path), path
		return os.Rename(before, at.data())
	})
	if err == nil {
		ctx.WithLock(owner, func() {
			theDisks.show(ctx, owner)
			for _, device := range owner.Config.Hardware.Device {
				disk, ok := device.(*types.VirtualDisk)
				if ok && strconv.Itoa(int(disk.Key)) == req.PathValue("key") {
					fileOf(disk.Backing).Datastore = &to.Self
				}
			}
		})
	}
	answer(w, err)
	return nil
}

// changed does something to a disk, and shows it.
func changed(ctx *Context, w http.ResponseWriter, req *http.Request, do func(*layer) error) error {
	var owner *VirtualMachine
	err := withDisk(ctx, req, func(vm *VirtualMachine, _ *vmDisks, at *layer) error {
		owner = vm
		return do(at)
	})
	if err == nil {
		ctx.WithLock(owner, func() { theDisks.show(ctx, owner) })
	}
	answer(w, err)
	return nil
}

func vanish(ctx *Context, w http.ResponseWriter, req *http.Request) error {
	ref := types.ManagedObjectReference{Type: "VirtualMachineSnapshot", Value: req.PathValue("snapshot")}
	snapshot, ok := ctx.Map.Get(ref).(*VirtualMachineSnapshot)
	if !ok {
		return errors.New("no such snapshot")
	}
	if fault := theDisks.refuses(ctx, &Method{Name: "RemoveSnapshot_Task", This: ref}); fault != nil {
		return errors.New(faultName(fault))
	}
	snapshot.RemoveSnapshotTask(ctx, &types.RemoveSnapshot_Task{This: ref})
	answer(w, nil)
	return nil
}
