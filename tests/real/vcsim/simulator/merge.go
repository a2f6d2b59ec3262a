//go:build vendored

package simulator

import "reflect"

// merge carries what a specification says into the information of the same name, as a reconfigure
// does: what is not said stays as it is. Lists are replaced; pointers and values of one type fit.
func merge(info, spec any) {
	mergeValue(reflect.ValueOf(info).Elem(), reflect.Indirect(reflect.ValueOf(spec)))
}

func mergeValue(info, spec reflect.Value) {
	if !spec.IsValid() {
		return
	}
	for i := range spec.NumField() {
		said, field := spec.Field(i), spec.Type().Field(i)
		if field.Anonymous && said.Kind() == reflect.Struct {
			mergeValue(info, said)
			continue
		}
		target := info.FieldByName(field.Name)
		if said.IsZero() || !target.IsValid() || !target.CanSet() {
			continue
		}
		switch {
		case said.Type().AssignableTo(target.Type()):
			target.Set(said)
		case said.Kind() == reflect.Pointer && said.Type().Elem() == target.Type():
			target.Set(said.Elem())
		case target.Kind() == reflect.Pointer && target.Type().Elem() == said.Type():
			target.Set(reflect.New(said.Type()))
			target.Elem().Set(said)
		}
	}
}

// overrule merges what spec (a pointer, or nil) says into *info, a pointer of the same type.
func overrule(info, spec any) {
	target, source := reflect.ValueOf(info).Elem(), reflect.ValueOf(spec)
	switch {
	case source.IsNil():
	case target.IsNil():
		target.Set(source)
	default:
		merge(target.Interface(), spec)
	}
}
