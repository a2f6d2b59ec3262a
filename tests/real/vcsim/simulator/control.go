//go:build vendored

package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

// The control endpoints, for tests that want what no client of a vCenter could ask for. The
// program around this package lets only a logged-in client through to /mtv/.
//
//	GET, PUT /mtv/faults   the fault rules, see faults.go
//	POST /mtv/properties   sets properties of managed objects, whoever may write them otherwise
//	/mtv/disks/, /mtv/snapshots/, /mtv/disk-settings, /mtv/state   see disk_control.go

func init() {
	RegisterEndpoint(func(s *Service, r *Registry) {
		if !r.IsVPX() && !r.IsESX() {
			return
		}
		s.ServeMux.HandleFunc("PUT /mtv/faults", putFaults)
		s.ServeMux.HandleFunc("GET /mtv/faults", getFaults)
		s.ServeMux.HandleFunc("POST /mtv/properties", func(w http.ResponseWriter, req *http.Request) {
			setProperties(s.Context, w, req)
		})
	})
}

func putFaults(w http.ResponseWriter, req *http.Request) {
	text, err := io.ReadAll(req.Body)
	if err == nil {
		err = theFaults.load(text)
	}
	answer(w, err)
}

func getFaults(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"rules": theFaults.list()})
}

// changes is the body of a request to set properties: values in the encoding of the SOAP API.
type changes struct {
	Change []struct {
		Object types.ManagedObjectReference `xml:"object"`
		Path   string                       `xml:"path"`
		Val    types.AnyType                `xml:"val,typeattr"`
	} `xml:"change"`
}

func setProperties(ctx *Context, w http.ResponseWriter, req *http.Request) {
	var body changes
	decoder := xml.NewDecoder(req.Body)
	decoder.TypeFunc = types.TypeFunc()
	if err := decoder.Decode(&body); err != nil {
		answer(w, err)
		return
	}
	for _, change := range body.Change {
		if err := setProperty(ctx, change.Object, change.Path, change.Val); err != nil {
			answer(w, fmt.Errorf("%s of %s: %w", change.Path, change.Object, err))
			return
		}
	}
	answer(w, nil)
}

// setProperty sets one property by its path, or what an object answers to QueryNetworkHint.
func setProperty(ctx *Context, ref types.ManagedObjectReference, path string, val any) (err error) {
	obj := ctx.Map.Get(ref)
	if obj == nil {
		return fmt.Errorf("no such object")
	}
	if system, ok := obj.(*HostNetworkSystem); ok && path == "networkHint" {
		hints, ok := val.(types.ArrayOfPhysicalNicHintInfo)
		if !ok {
			return fmt.Errorf("%T is not a list of hints", val)
		}
		system.Returnval = hints.PhysicalNicHintInfo
		return nil
	}
	ctx.WithLock(obj, func() { // which would keep the lock if this panicked
		defer func() {
			if problem := recover(); problem != nil { // govmomi does when a value does not fit
				err = fmt.Errorf("%v", problem)
			}
		}()
		ctx.Update(obj, []types.PropertyChange{{Name: path, Val: val}})
	})
	return err
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// IsLogin says whether a session is alive and that user's; an ESXi host has no call that would tell.
func IsLogin(registry *Registry, session, user string) bool {
	found, ok := registry.SessionManager().getSession(session)
	return ok && found.UserName == user
}
