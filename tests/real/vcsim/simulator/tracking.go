//go:build vendored

package simulator

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// tracker remembers which parts of a disk were written, moment by moment. A moment is when a snapshot
// was taken, or the tracking began (1); a change id names tracker and moment: `52 xx .../3`. Another
// tracker takes its place, and with it another UUID, when the tracking is reset.
type tracker struct {
	uuid    string
	written []granules // [m-1]: after moment m and before the next
}

func newTracker() *tracker {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	raw[0] = 0x52
	return &tracker{
		uuid:    fmt.Sprintf("% x-% x", raw[:8], raw[8:]),
		written: make([]granules, 1),
	}
}

func (t *tracker) id(moment int) string {
	return fmt.Sprintf("%s/%d", t.uuid, moment)
}

// now is the last moment that was.
func (t *tracker) now() int {
	return len(t.written)
}

// next makes now a moment.
func (t *tracker) next() int {
	t.written = append(t.written, nil)
	return t.now()
}

func (t *tracker) record(offset, length int64) {
	t.written[len(t.written)-1].add(offset, length)
}

var (
	errNoChangeID    = errors.New("this is no change id")
	errOtherTracker  = errors.New("the change id is of another tracking of the disk")
	errUnknownMoment = errors.New("the change id is of no moment before this one")
)

// changes answers what was written after a change id and before a moment; 0: until now.
func (t *tracker) changes(id string, until int) (granules, error) {
	uuid, count, said := strings.Cut(id, "/")
	since, err := strconv.Atoi(count)
	if !said || err != nil || len(uuid) != len(t.uuid) {
		return nil, errNoChangeID
	}
	if uuid != t.uuid {
		return nil, errOtherTracker
	}
	last := until - 1
	if until == 0 {
		last, until = t.now(), t.now()
	}
	if since < 1 || since > until {
		return nil, errUnknownMoment
	}
	var found granules
	for _, each := range t.written[since-1 : last] {
		found.unite(each)
	}
	return found, nil
}
