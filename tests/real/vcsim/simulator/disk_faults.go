//go:build vendored

package simulator

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Fault rules (faults.go) about disks. With a method, and Error the name of the fault they raise; the
// object is always the VM:
//
//	TaskFails   CreateSnapshot_Task, RemoveSnapshot_Task, RemoveAllSnapshots_Task, ConsolidateVMDisks_Task:
//	            nothing is done, and the task ends with Error (SnapshotFault)
//	MergeFails  the last three: the snapshots are gone, the task ends with Error (FileLocked), and the
//	            disks need consolidation
//	Gap         QueryChangedDiskAreas: the answer begins 64 KiB behind what was asked
//	NoProgress  QueryChangedDiskAreas: the answer has no areas and the length 0
//	LeaseFails  ExportVm, ExportSnapshot: the lease goes into the state error with Error (FileLocked)
//
// With a path (`/folder/`, `/nfc/`; what it begins with), for requests that are allowed:
//
//	Cut             the connection ends after Bytes of the body
//	ShortRange      the answer ends Bytes (1) before the range that was asked, and says so
//	LongRange       the answer goes Bytes (1) beyond it, and says so
//	WrongRange      the answer is the range Bytes (512) further on, and says so
//	NoRange         the whole file is the answer, status 200
//	SessionExpired  the session ends, status 401
//	Unavailable     status 503
//	Forbidden       status 403

var faultsOfDisks = []string{"TaskFails", "MergeFails", "Gap", "NoProgress", "LeaseFails"}

var faultsOfData = []string{
	"Cut", "ShortRange", "LongRange", "WrongRange", "NoRange", "SessionExpired", "Unavailable",
	"Forbidden",
}

// onDemand answers the rule with that fault which strikes a call; nil: none does.
func (f *faultRules) onDemand(ctx *Context, fault string, ref types.ManagedObjectReference, methods ...string) *faultRule {
	f.lock.Lock()
	defer f.lock.Unlock()
	for _, rule := range f.rules {
		said := rule.Method == "*" || slices.Contains(methods, rule.Method)
		if rule.Fault == fault && said && rule.matches(ctx, ref) && rule.strikes() {
			return rule
		}
	}
	return nil
}

// error is what a task or a lease ends with.
func (rule *faultRule) error() types.BaseMethodFault {
	name := rule.Error
	if name == "" {
		name = "FileLocked"
		if rule.Fault == "TaskFails" {
			name = "SnapshotFault"
		}
	}
	if kind, ok := types.TypeFunc()(name); ok {
		if fault, ok := reflect.New(kind).Interface().(types.BaseMethodFault); ok {
			return fault
		}
	}
	return &types.SystemError{Reason: name}
}

func faultName(fault types.BaseMethodFault) string {
	return reflect.TypeOf(fault).Elem().Name()
}

// ofRequest answers the rule that strikes a request for data.
func (f *faultRules) ofRequest(path string) *faultRule {
	f.lock.Lock()
	defer f.lock.Unlock()
	for _, rule := range f.rules {
		if rule.Path != "" && strings.HasPrefix(path, rule.Path) && rule.strikes() {
			return rule
		}
	}
	return nil
}

// WithDataFaults has the fault rules strike requests for data.
func WithDataFaults(registry *Registry, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rule := theFaults.ofRequest(r.URL.Path)
		if rule == nil {
			next.ServeHTTP(w, r)
			return
		}
		switch rule.Fault {
		case "Cut":
			w = &cutting{ResponseWriter: w, left: rule.Bytes}
		case "NoRange":
			r.Header.Del("Range")
		case "SessionExpired":
			if cookie, err := r.Cookie(soap.SessionCookieName); err == nil {
				theFaults.endSession(registry, cookie.Value)
			}
			w.WriteHeader(http.StatusUnauthorized)
			return
		case "Unavailable":
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case "Forbidden":
			w.WriteHeader(http.StatusForbidden)
			return
		default:
			shiftRange(r, rule)
		}
		next.ServeHTTP(w, r)
	})
}

func shiftRange(r *http.Request, rule *faultRule) {
	var first, last int64
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); n != 2 {
		return
	}
	by := rule.Bytes
	if by == 0 {
		by = map[string]int64{"ShortRange": 1, "LongRange": 1, "WrongRange": 512}[rule.Fault]
	}
	switch rule.Fault {
	case "ShortRange":
		last -= by
	case "LongRange":
		last += by
	case "WrongRange":
		first, last = first+by, last+by
	}
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", first, max(first, last)))
}

// cutting ends the connection once so many bytes of the body were sent.
type cutting struct {
	http.ResponseWriter
	left int64
}

func (c *cutting) Unwrap() http.ResponseWriter {
	return c.ResponseWriter
}

func (c *cutting) Write(data []byte) (int, error) {
	if int64(len(data)) <= c.left {
		c.left -= int64(len(data))
		return c.ResponseWriter.Write(data)
	}
	_, _ = c.ResponseWriter.Write(data[:c.left])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// endSession is end for a session that is known by its key.
func (f *faultRules) endSession(registry *Registry, key string) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.ended == nil {
		f.ended = make(map[string]bool)
	}
	f.ended[key] = true
	registry.SessionManager().delSession(key)
}
