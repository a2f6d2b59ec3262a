//go:build vendored

package simulator

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// faultRule says when a client gets a fault, or does not get to see something.
//
// Object is `*`, a type (`VirtualMachine`), `Type:id` or `Type=name`. Method is `*` or a method of
// the API; a rule without a method is about what property retrievals show:
//
//	NoPermission           Properties (paths; each with all below it; `*` for all) stand in missingSet
//	ManagedObjectNotFound  the object is in no retrieval, and calls to it fail
//	Hidden                 the object is in no retrieval
//	Vanish                 the object is there until the first page was answered; then it is left out
//	VanishWithFault        likewise, but the next page is refused with ManagedObjectNotFound, once
//
// A rule with a method raises Fault (NoPermission, NotAuthenticated, ManagedObjectNotFound,
// InvalidRequest, RequestCanceled) instead of doing the call. NotAuthenticated also ends the session.
// Rules with a path are about what is read over HTTP, those of disk_faults.go about tasks and answers
// that go wrong. After: so many matching calls are let through. Times: so often it strikes (0: always;
// NotAuthenticated: once).
type faultRule struct {
	Fault      string   `json:"fault"`
	Object     string   `json:"object,omitempty"`
	Method     string   `json:"method,omitempty"`
	Properties []string `json:"properties,omitempty"`
	Privilege  string   `json:"privilege,omitempty"`
	After      int      `json:"after,omitempty"`
	Times      int      `json:"times,omitempty"`
	Error      string   `json:"error,omitempty"`
	Path       string   `json:"path,omitempty"`
	Bytes      int64    `json:"bytes,omitempty"`
	Struck     int      `json:"struck"`

	seen   int
	gone   bool // Vanish: the first page was answered
	raised bool // VanishWithFault: the fault was raised
}

type faultRules struct {
	lock    sync.Mutex
	rules   []*faultRule
	file    string
	changed time.Time
	ended   map[string]bool // sessions
}

// end ends a session for good: a call that runs beside this one would bring it back to life.
func (f *faultRules) end(ctx *Context) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.ended == nil {
		f.ended = make(map[string]bool)
	}
	f.ended[ctx.Session.Key] = true
	ctx.sessionManager().delSession(ctx.Session.Key)
}

// forget takes an ended session from a call.
func (f *faultRules) forget(ctx *Context) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if ctx.Session != nil && f.ended[ctx.Session.Key] {
		ctx.sessionManager().delSession(ctx.Session.Key)
		ctx.Session = nil
	}
}

var theFaults faultRules

func init() {
	flag.StringVar(&theFaults.file, "fault-rules", "", "fault rules (JSON), read again when the file changes")
}

var faultsOfCalls = []string{
	"NoPermission", "NotAuthenticated", "ManagedObjectNotFound", "InvalidRequest", "RequestCanceled",
}

var faultsOfRetrievals = []string{
	"NoPermission", "ManagedObjectNotFound", "Hidden", "Vanish", "VanishWithFault",
}

// load replaces the rules.
func (f *faultRules) load(text []byte) error {
	var document struct {
		Rules []*faultRule `json:"rules"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return err
	}
	for _, rule := range document.Rules {
		known := faultsOfRetrievals
		switch {
		case rule.Path != "":
			known = faultsOfData
		case rule.Method != "":
			known = slices.Concat(faultsOfCalls, faultsOfDisks)
		}
		if !slices.Contains(known, rule.Fault) {
			return fmt.Errorf("fault %q is none of %s", rule.Fault, strings.Join(known, ", "))
		}
		if rule.Object == "" {
			rule.Object = "*"
		}
		if rule.Fault == "NotAuthenticated" && rule.Times == 0 {
			rule.Times = 1
		}
		if rule.Method == "" && rule.Fault == "NoPermission" && len(rule.Properties) == 0 {
			rule.Properties = []string{"*"}
		}
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	f.rules = document.Rules
	return nil
}

// refresh reads the file again when it has changed.
func (f *faultRules) refresh() {
	if f.file == "" {
		return
	}
	info, err := os.Stat(f.file)
	if err != nil || info.ModTime().Equal(f.changed) {
		return
	}
	f.changed = info.ModTime()
	text, err := os.ReadFile(f.file)
	if err == nil {
		err = f.load(text)
	}
	if err != nil {
		log.Printf("fault rules: %s", err)
	}
}

func (f *faultRules) list() []faultRule {
	f.lock.Lock()
	defer f.lock.Unlock()
	copies := make([]faultRule, 0, len(f.rules))
	for _, rule := range f.rules {
		copies = append(copies, *rule)
	}
	return copies
}

// some tells whether there are rules at all: asked for each object of each retrieval.
func (f *faultRules) some() bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	return len(f.rules) != 0
}

func (rule *faultRule) matches(ctx *Context, ref types.ManagedObjectReference) bool {
	kind, id, byID := strings.Cut(rule.Object, ":")
	if byID {
		return ref.Type == kind && ref.Value == id
	}
	kind, name, byName := strings.Cut(rule.Object, "=")
	if byName {
		entity, ok := ctx.Map.Get(ref).(mo.Entity)
		return ok && ref.Type == kind && entityName(entity) == name
	}
	return rule.Object == "*" || rule.Object == ref.Type
}

// strikes counts a call; callers hold the lock.
func (rule *faultRule) strikes() bool {
	rule.seen++
	if rule.seen <= rule.After || (rule.Times != 0 && rule.Struck >= rule.Times) {
		return false
	}
	rule.Struck++
	return true
}

// ofCall answers the fault that a call shall get.
func (f *faultRules) ofCall(ctx *Context, method *Method) types.BaseMethodFault {
	f.lock.Lock()
	f.refreshLocked()
	rules := slices.Clone(f.rules)
	f.lock.Unlock()
	for _, rule := range rules {
		if !rule.matches(ctx, method.This) || slices.Contains(faultsOfDisks, rule.Fault) {
			continue
		}
		f.lock.Lock()
		absent := rule.Method == "" && (rule.Fault == "ManagedObjectNotFound" || rule.gone)
		struck := (rule.Method == "*" || rule.Method == method.Name) && rule.strikes()
		f.lock.Unlock()
		if absent {
			return &types.ManagedObjectNotFound{Obj: method.This}
		}
		if !struck {
			continue
		}
		denied := types.NoPermission{Object: &method.This, PrivilegeId: rule.Privilege}
		if denied.PrivilegeId == "" {
			denied.PrivilegeId = "System.View"
		}
		switch rule.Fault {
		case "NotAuthenticated":
			f.end(ctx)
			return &types.NotAuthenticated{NoPermission: denied}
		case "ManagedObjectNotFound":
			return &types.ManagedObjectNotFound{Obj: method.This}
		case "InvalidRequest":
			return new(types.InvalidRequest)
		case "RequestCanceled":
			return new(types.RequestCanceled)
		default:
			return &denied
		}
	}
	return nil
}

func (f *faultRules) refreshLocked() {
	f.lock.Unlock()
	f.refresh()
	f.lock.Lock()
}

// absent tells whether retrievals show an object at all.
func (f *faultRules) absent(ctx *Context, ref types.ManagedObjectReference) bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	for _, rule := range f.rules {
		if rule.Method == "" && rule.hides() && rule.matches(ctx, ref) {
			return true
		}
	}
	return false
}

func (rule *faultRule) hides() bool {
	return rule.gone || rule.Fault == "Hidden" || rule.Fault == "ManagedObjectNotFound"
}

// refused answers the privilege that a property takes; an empty one when it may be read.
func (f *faultRules) refused(ctx *Context, ref types.ManagedObjectReference, path string) string {
	f.lock.Lock()
	defer f.lock.Unlock()
	for _, rule := range f.rules {
		if rule.Method != "" || rule.Fault != "NoPermission" || !rule.matches(ctx, ref) {
			continue
		}
		for _, refused := range rule.Properties {
			if refused == "*" || refused == path || strings.HasPrefix(path, refused+".") {
				rule.Struck++
				if rule.Privilege != "" {
					return rule.Privilege
				}
				return "System.Read"
			}
		}
	}
	return ""
}

// vanishing makes the objects of Vanish rules disappear; it answers the one to complain about, if any.
func (f *faultRules) vanishing(ctx *Context, objects []types.ObjectContent) (
	[]types.ObjectContent, *types.ManagedObjectReference) {
	f.lock.Lock()
	defer f.lock.Unlock()
	for _, rule := range f.rules {
		rule.gone = rule.gone || strings.HasPrefix(rule.Fault, "Vanish")
	}
	var complaint *types.ManagedObjectReference
	left := slices.DeleteFunc(slices.Clone(objects), func(content types.ObjectContent) bool {
		for _, rule := range f.rules {
			if !rule.gone || !rule.matches(ctx, content.Obj) {
				continue
			}
			rule.Struck++
			if rule.Fault == "VanishWithFault" && !rule.raised {
				rule.raised, complaint = true, &content.Obj
			}
			return true
		}
		return false
	})
	return left, complaint
}
