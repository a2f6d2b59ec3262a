//go:build vendored

package simulator

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// layer is one file of a disk's chain: a flat file, or a redo log on top of a parent. What a disk
// holds at a layer is the layer's own sectors and, where it has none, the parent's.
type layer struct {
	key      int32  // the disk's device key
	name     string // the descriptor's datastore path
	path     string // the descriptor's local path
	capacity int64  // bytes
	parent   *layer
	redo     *redoFile // nil: a flat file
	merging  bool      // something writes to it though it is frozen
	tracker  *tracker  // nil: changes are not tracked
	moment   int       // of its freezing, in the tracker's count
}

// data is the local path of the file with the content.
func (l *layer) data() string {
	if l.redo != nil {
		return l.redo.path
	}
	return strings.TrimSuffix(l.path, ".vmdk") + "-flat.vmdk"
}

// changeID of the disk at this layer; empty when changes are not tracked.
func (l *layer) changeID() string {
	switch {
	case l.tracker == nil:
		return ""
	case l.moment != 0:
		return l.tracker.id(l.moment)
	default:
		return l.tracker.id(l.tracker.now())
	}
}

func (l *layer) readAt(data []byte, offset int64) error {
	file, err := os.Open(l.data())
	if err != nil {
		return err
	}
	defer file.Close()
	if l.redo == nil {
		return readZeroFilled(file, data, offset)
	}
	for len(data) > 0 {
		sector, inside := offset/sectorSize, offset%sectorSize
		count, at := l.redo.run(sector, (inside+int64(len(data))+sectorSize-1)/sectorSize)
		piece := data[:min(int64(len(data)), count*sectorSize-inside)]
		if at == 0 {
			err = l.parent.readAt(piece, offset)
		} else {
			err = readZeroFilled(file, piece, at*sectorSize+inside)
		}
		if err != nil {
			return err
		}
		data, offset = data[len(piece):], offset+int64(len(piece))
	}
	return nil
}

// readZeroFilled reads from a flat file, which may be shorter than the disk.
func readZeroFilled(file io.ReaderAt, data []byte, offset int64) error {
	n, err := file.ReadAt(data, offset)
	clear(data[n:])
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// writeAt writes whole sectors.
func (l *layer) writeAt(data []byte, offset int64) error {
	if offset%sectorSize != 0 || len(data)%sectorSize != 0 {
		return errors.New("a guest writes whole sectors of 512 bytes")
	}
	if offset < 0 || offset+int64(len(data)) > l.capacity {
		return fmt.Errorf("%s ends at %d", l.name, l.capacity)
	}
	if l.redo != nil {
		return l.redo.write(data, offset/sectorSize)
	}
	file, err := os.OpenFile(l.data(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteAt(data, offset)
	return err
}

// absorb writes what a child's redo log has into this layer.
func (l *layer) absorb(child *layer) error {
	return child.redo.written(func(sector, count int64) error {
		data := make([]byte, count*sectorSize)
		if err := child.readAt(data, sector*sectorSize); err != nil {
			return err
		}
		return l.writeAt(data, sector*sectorSize)
	})
}

// allocated are the parts of the disk for which some file of the chain has room.
func (l *layer) allocated() (granules, error) {
	var found granules
	for ; l != nil; l = l.parent {
		if l.redo == nil {
			return found, l.flatData(&found)
		}
		_ = l.redo.written(func(sector, count int64) error {
			found.add(sector*sectorSize, count*sectorSize)
			return nil
		})
	}
	return found, nil
}

// flatData asks the file system where a flat file has data.
func (l *layer) flatData(found *granules) error {
	const seekData, seekHole = 3, 4 // Linux; Go names them nowhere
	file, err := os.Open(l.data())
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if runtime.GOOS != "linux" {
		found.add(0, min(info.Size(), l.capacity))
		return nil
	}
	for end := int64(0); ; {
		start, err := file.Seek(end, seekData)
		if err != nil || start >= l.capacity { // ENXIO: no more data
			return nil
		}
		if end, err = file.Seek(start, seekHole); err != nil {
			end = info.Size()
		}
		found.add(start, min(end, l.capacity)-start)
	}
}
