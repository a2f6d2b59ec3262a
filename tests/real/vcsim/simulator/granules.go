//go:build vendored

package simulator

import "github.com/vmware/govmomi/vim25/types"

// granuleSize is how exactly changes and allocation are known, as on disks up to 128 GB of a real host.
const granuleSize = 64 << 10

// granules is a set of parts of a disk, a bit each.
type granules []uint64

// add marks what a piece of the disk touches; offsets in bytes.
func (g *granules) add(offset, length int64) {
	if length <= 0 {
		return
	}
	last := (offset + length - 1) / granuleSize
	for int64(len(*g)) <= last/64 {
		*g = append(*g, 0)
	}
	for i := offset / granuleSize; i <= last; i++ {
		(*g)[i/64] |= 1 << (i % 64)
	}
}

func (g *granules) unite(other granules) {
	for len(*g) < len(other) {
		*g = append(*g, 0)
	}
	for i, word := range other {
		(*g)[i] |= word
	}
}

func (g granules) has(number int64) bool {
	return number/64 < int64(len(g)) && g[number/64]>>(number%64)&1 == 1
}

// areas are the runs from a byte offset on, none beyond the disk's end.
func (g granules) areas(from, capacity int64) []types.DiskChangeExtent {
	var found []types.DiskChangeExtent
	for i := from / granuleSize; i*granuleSize < capacity && i/64 < int64(len(g)); i++ {
		if !g.has(i) {
			continue
		}
		start, end := max(from, i*granuleSize), min(capacity, (i+1)*granuleSize)
		if n := len(found); n != 0 && found[n-1].Start+found[n-1].Length == start {
			found[n-1].Length = end - found[n-1].Start
			continue
		}
		found = append(found, types.DiskChangeExtent{Start: start, Length: end - start})
	}
	return found
}
