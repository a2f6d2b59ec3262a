//go:build vendored

// A file of ours in the package of govmomi's REST services.
package simulator

import (
	"github.com/vmware/govmomi/vapi/internal"
	"github.com/vmware/govmomi/vapi/tags"
)

// AddTag makes a tag, and its category when it is new; package simulator asks for it with -rich.
func (s *handler) AddTag(category, name string) string {
	s.Lock()
	defer s.Unlock()
	id := ""
	for _, each := range s.Category {
		if each.Name == category {
			id = each.ID
		}
	}
	if id == "" {
		id = newID("Category")
		s.Category[id] = &tags.Category{ID: id, Name: category, Cardinality: "SINGLE"}
	}
	tag := newID("Tag")
	s.Tag[tag] = &tags.Tag{ID: tag, Name: name, CategoryID: id}
	s.Association[tag] = make(map[internal.AssociatedObject]bool)
	return tag
}
