//go:build vendored

package simulator

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmware/govmomi/vmdk"
)

// A redo log is kept as ESXi keeps one on VMFS 5 (`vmfsSparse`, magic COWD): a header of 4 sectors, a
// directory of tables of 4096 grains, a grain for each sector that was written. It is no disk: who takes
// its bytes for one gets a header and sectors in the order in which the guest wrote them. The tables
// are kept in memory too; qemu-img reads the file with its parents (`qemu-img convert -f vmdk`).

const (
	sectorSize     = 512
	grainsPerTable = 4096
	tableSectors   = grainsPerTable * 4 / sectorSize
	headerSectors  = 4
)

type redoFile struct {
	path   string
	tables []*grainTable // nil: no sector of this part was written
	end    uint32        // the sector behind the last that is used
}

type grainTable struct {
	sector uint32 // where in the file
	grains [grainsPerTable]uint32
}

// createRedo makes an empty redo log and its descriptor on top of a parent's descriptor beside it.
func createRedo(descriptor, parent string, capacity int64) (*redoFile, error) {
	sectors := capacity / sectorSize
	count := (sectors + grainsPerTable - 1) / grainsPerTable
	redo := &redoFile{
		path:   strings.TrimSuffix(descriptor, ".vmdk") + "-delta.vmdk",
		tables: make([]*grainTable, count),
	}
	redo.end = headerSectors + uint32((count*4+sectorSize-1)/sectorSize)
	text, err := redoDescriptor(parent, filepath.Base(redo.path), sectors)
	if err != nil {
		return nil, err
	}
	// version, flags, sectors, sectors of a grain, the directory's place and size, the free sector
	fields := []uint32{1, 3, uint32(sectors), 1, headerSectors, uint32(count), redo.end, 0, 0, 0}
	var header bytes.Buffer
	header.WriteString("COWD")
	_ = binary.Write(&header, binary.LittleEndian, fields)
	content := make([]byte, int(redo.end)*sectorSize)
	copy(content, header.Bytes())
	if err := os.WriteFile(redo.path, content, 0o600); err != nil {
		return nil, err
	}
	return redo, os.WriteFile(descriptor, text, 0o600)
}

func redoDescriptor(parent, extent string, sectors int64) ([]byte, error) {
	file, err := os.Open(parent)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	above, err := vmdk.ParseDescriptor(file)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\nCID=%08x\nparentCID=%s\n"+
		"createType=\"vmfsSparse\"\nparentFileNameHint=\"%s\"\n# Extent description\n"+
		"RW %d VMFSSPARSE \"%s\"\n\n# The Disk Data Base\n#DDB\n",
		uint32(above.CID)+1, above.CID, filepath.Base(parent), sectors, extent)
	return text.Bytes(), nil
}

// run answers how many sectors from this one on lie in one piece, and where in the file; 0: nowhere.
func (r *redoFile) run(sector, most int64) (count, at int64) {
	at = int64(r.grain(sector))
	count = 1
	for count < most {
		next := int64(r.grain(sector + count))
		if (at == 0 && next != 0) || (at != 0 && next != at+count) {
			break
		}
		count++
	}
	return count, at
}

func (r *redoFile) grain(sector int64) uint32 {
	table := r.tables[sector/grainsPerTable]
	if table == nil {
		return 0
	}
	return table.grains[sector%grainsPerTable]
}

// write puts whole sectors into the log: over those that are there, the others at its end.
func (r *redoFile) write(data []byte, sector int64) error {
	file, err := os.OpenFile(r.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	for len(data) > 0 {
		part := min(int64(len(data))/sectorSize, grainsPerTable-sector%grainsPerTable)
		table, err := r.table(file, sector/grainsPerTable)
		if err != nil {
			return err
		}
		count, at := r.run(sector, part)
		if at == 0 {
			if at, err = r.allocate(file, table, sector%grainsPerTable, count); err != nil {
				return err
			}
		}
		if _, err := file.WriteAt(data[:count*sectorSize], at*sectorSize); err != nil {
			return err
		}
		data, sector = data[count*sectorSize:], sector+count
	}
	return nil
}

// table answers the table with that number, made when it is not there yet.
func (r *redoFile) table(file io.WriterAt, number int64) (*grainTable, error) {
	if r.tables[number] == nil {
		table := &grainTable{sector: r.end}
		place := binary.LittleEndian.AppendUint32(nil, r.end)
		if _, err := file.WriteAt(make([]byte, tableSectors*sectorSize), int64(r.end)*sectorSize); err != nil {
			return nil, err
		}
		if _, err := file.WriteAt(place, headerSectors*sectorSize+number*4); err != nil {
			return nil, err
		}
		r.tables[number] = table
		r.end += tableSectors
	}
	return r.tables[number], nil
}

func (r *redoFile) allocate(file io.WriterAt, table *grainTable, first, count int64) (int64, error) {
	at := r.end
	r.end += uint32(count)
	places := make([]byte, 0, count*4)
	for i := range count {
		table.grains[first+i] = at + uint32(i)
		places = binary.LittleEndian.AppendUint32(places, at+uint32(i))
	}
	_, err := file.WriteAt(places, int64(table.sector)*sectorSize+first*4)
	return int64(at), err
}

// written calls use for each run of sectors in the log, in the order of the disk.
func (r *redoFile) written(use func(sector, count int64) error) error {
	for number, table := range r.tables {
		if table == nil {
			continue
		}
		first := int64(number) * grainsPerTable
		for sector := first; sector < first+grainsPerTable; {
			count, at := r.run(sector, first+grainsPerTable-sector)
			if at != 0 {
				if err := use(sector, count); err != nil {
					return err
				}
			}
			sector += count
		}
	}
	return nil
}

func (r *redoFile) remove(descriptor string) {
	_ = os.Remove(r.path)
	_ = os.Remove(descriptor)
}
