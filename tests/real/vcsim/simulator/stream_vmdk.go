//go:build vendored

package simulator

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
)

// A streamOptimized VMDK, as export leases give: a header that says that its directory comes at the
// end, the descriptor, compressed grains each behind a marker, a table behind the grains of each 32 MiB,
// the directory, the footer (the header, which now knows where the directory is) and the end marker.

const (
	streamGrain    = 128 // sectors
	streamTable    = 512 // grains
	streamOverhead = 128 // sectors before the first grain

	markerEnd, markerTable, markerDirectory, markerFooter = 0, 1, 2, 3
)

var zeroGrain = make([]byte, streamGrain*sectorSize)

type vmdkStream struct {
	out      io.Writer
	sector   int64 // written so far
	failed   error
	packed   bytes.Buffer
	deflater *zlib.Writer
	data     int64 // bytes of grains before compression
}

// writeStream writes a disk of that many bytes; read fills a grain from an offset and tells whether
// there may be anything but zeros.
func writeStream(out io.Writer, name string, capacity int64, read func(grain []byte, offset int64) (bool, error)) (int64, error) {
	s := &vmdkStream{out: out}
	s.deflater, _ = zlib.NewWriterLevel(&s.packed, zlib.BestSpeed)
	sectors := (capacity + sectorSize - 1) / sectorSize
	s.write(streamHeader(sectors, -1))
	descriptor := fmt.Sprintf("# Disk DescriptorFile\nversion=1\nCID=7d2c3f11\nparentCID=ffffffff\n"+
		"createType=\"streamOptimized\"\n\n# Extent description\nRDONLY %d SPARSE \"%s\"\n\n# The Disk Data Base\n#DDB\n\n"+
		"ddb.adapterType = \"lsilogic\"\nddb.virtualHWVersion = \"19\"\n", sectors, name)
	room := make([]byte, (streamOverhead-1)*sectorSize)
	copy(room, descriptor)
	s.write(room)

	grains := (sectors + streamGrain - 1) / streamGrain
	directory := make([]uint32, (grains+streamTable-1)/streamTable)
	grain := make([]byte, streamGrain*sectorSize)
	for number := range directory {
		table := make([]uint32, streamTable)
		first := int64(number) * streamTable
		for i := range min(streamTable, grains-first) {
			offset := (first + i) * streamGrain * sectorSize
			used, err := read(grain, offset)
			if err != nil {
				return s.data, err
			}
			if used && !bytes.Equal(grain, zeroGrain) {
				table[i] = uint32(s.sector)
				s.grain(grain, offset/sectorSize)
				directory[number] = 1
			}
		}
		if directory[number] != 0 {
			directory[number] = uint32(s.marked(markerTable, table))
		}
		if s.failed != nil {
			return s.data, s.failed
		}
	}
	at := s.marked(markerDirectory, directory)
	s.marker(1, markerFooter)
	s.write(streamHeader(sectors, at))
	s.marker(0, markerEnd)
	return s.data, s.failed
}

// write writes whole sectors.
func (s *vmdkStream) write(data []byte) {
	if s.failed == nil {
		_, s.failed = s.out.Write(data)
	}
	s.sector += int64(len(data)) / sectorSize
}

func (s *vmdkStream) grain(data []byte, lba int64) {
	s.packed.Reset()
	s.packed.Write(make([]byte, 12))
	s.deflater.Reset(&s.packed)
	_, _ = s.deflater.Write(data)
	_ = s.deflater.Close()
	head := s.packed.Bytes()
	binary.LittleEndian.PutUint64(head, uint64(lba))
	binary.LittleEndian.PutUint32(head[8:], uint32(len(head)-12))
	s.write(pad(s.packed.Bytes()))
	s.data += int64(len(data))
}

func (s *vmdkStream) marker(sectors int64, kind uint32) {
	head := binary.LittleEndian.AppendUint64(nil, uint64(sectors))
	head = binary.LittleEndian.AppendUint32(head, 0)
	s.write(pad(binary.LittleEndian.AppendUint32(head, kind)))
}

// marked writes a table behind its marker and answers where the table is.
func (s *vmdkStream) marked(kind uint32, entries []uint32) int64 {
	var table []byte
	for _, entry := range entries {
		table = binary.LittleEndian.AppendUint32(table, entry)
	}
	table = pad(table)
	s.marker(int64(len(table))/sectorSize, kind)
	at := s.sector
	s.write(table)
	return at
}

func streamHeader(sectors, directory int64) []byte {
	var head bytes.Buffer
	head.WriteString("KDMV")
	for _, field := range []any{
		uint32(3), uint32(1<<0 | 1<<16 | 1<<17), // version; line ends can be tested, compressed, markers
		sectors, int64(streamGrain), int64(1), int64(streamOverhead - 1), // capacity, grain, descriptor
		uint32(streamTable), int64(0), directory, int64(streamOverhead),
		byte(0), [4]byte{'\n', ' ', '\r', '\n'}, uint16(1), // clean; deflate
	} {
		_ = binary.Write(&head, binary.LittleEndian, field)
	}
	return pad(head.Bytes())
}

func pad(data []byte) []byte {
	return append(data, make([]byte, (sectorSize-len(data)%sectorSize)%sectorSize)...)
}
