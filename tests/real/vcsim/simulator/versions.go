//go:build vendored

package simulator

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

//go:embed versions.json
var versionsText []byte

// newerThan65 says of type and property which API version brought it.
var newerThan65 = func() map[string]map[string]string {
	table := make(map[string]map[string]string)
	if err := json.Unmarshal(versionsText, &table); err != nil {
		panic(err)
	}
	return table
}()

var knownProperties sync.Map

// propertyKnown tells whether a type has a property in a version of the API.
//
// The path is followed through the declared types. What a subtype adds (`info.vmfs` of a datastore)
// cannot be judged so: it counts as known, and the stock simulator looks at each object.
func propertyKnown(kind, path, version string) bool {
	type question struct{ kind, path, version string }
	ask := question{kind, path, version}
	if answer, ok := knownProperties.Load(ask); ok {
		return answer.(bool)
	}
	answer := judge(kind, path, version)
	knownProperties.Store(ask, answer)
	return answer
}

func judge(kind, path, version string) bool {
	if kind == "VmwareDistributedVirtualSwitch" || kind == "DistributedVirtualSwitch" {
		kind = "VmwareDistributedVirtualSwitch"
	}
	object, ok := mo.Value(types.ManagedObjectReference{Type: kind})
	if !ok {
		return true // a type of which nothing is known here, such as a task or a view
	}
	here := reflect.TypeOf(object)
	for _, name := range strings.Split(strings.SplitN(path, "[", 2)[0], ".") {
		for here.Kind() == reflect.Pointer {
			here = here.Elem()
		}
		if here.Kind() == reflect.Interface {
			return true
		}
		if here.Kind() != reflect.Struct {
			return false
		}
		field, ok := here.FieldByName(ucFirst(name))
		if !ok || field.Name == "Self" {
			return false
		}
		if since := newerThan65[here.Name()][name]; since != "" && older(version, since) {
			return false
		}
		here = field.Type
	}
	return true
}

// older tells whether version a comes before version b.
func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		var x, y int
		if i < len(as) {
			x, _ = strconv.Atoi(as[i])
		}
		if i < len(bs) {
			y, _ = strconv.Atoi(bs[i])
		}
		if x != y {
			return x < y
		}
	}
	return false
}
