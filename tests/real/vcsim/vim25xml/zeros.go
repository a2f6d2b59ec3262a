//go:build vendored

// A file of ours in govmomi's package for XML.
package xml

import "reflect"

// marshalValue writes every element of a list. The stock one leaves out zeros and empty strings, so
// that of the samples 3, 0, 5 a client would see two.
func (p *printer) marshalValue(val reflect.Value, finfo *FieldInfo, startTemplate *StartElement) error {
	if finfo != nil && finfo.flags&fOmitEmpty != 0 && val.Kind() == reflect.Slice && val.Len() != 0 {
		switch val.Type().Elem().Kind() {
		case reflect.Int16, reflect.Int32, reflect.Int64, reflect.String:
			all := *finfo
			all.flags &^= fOmitEmpty
			finfo = &all
		}
	}
	return p.stockMarshalValue(val, finfo, startTemplate)
}
