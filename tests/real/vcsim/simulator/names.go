//go:build vendored

package simulator

import "regexp"

// In names vCenter keeps %, / and \ as %25, %2f and %5c. What a client has escaped already stays as it
// is; the stock simulator would escape it again.

var escaped = regexp.MustCompile(`(?i)%(25|2f|5c)|[%/\\]`)

func escapeSpecialCharacters(name string) string {
	return escaped.ReplaceAllStringFunc(name, func(found string) string {
		switch found {
		case "%":
			return "%25"
		case "/":
			return "%2f"
		case `\`:
			return "%5c"
		default:
			return found
		}
	})
}
