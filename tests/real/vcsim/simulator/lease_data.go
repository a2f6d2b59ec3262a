//go:build vendored

package simulator

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

// exportedDisk is a disk that a lease gives out.
type exportedDisk struct {
	key      string
	layer    *layer
	manifest atomic.Pointer[types.HttpNfcLeaseManifestEntry]
}

// find answers the lease and the disk of a URL's path; the token in it is all the right one needs.
func (l *exportLeases) find(path string) (*exportLease, *exportedDisk) {
	token, name, _ := strings.Cut(strings.TrimPrefix(path, nfcPrefix), "/")
	l.lock.Lock()
	defer l.lock.Unlock()
	for _, lease := range l.open {
		if lease.token == token && lease.disks[name] != nil {
			return lease, lease.disks[name]
		}
	}
	return nil, nil
}

// ServeNFC gives out disks of leases in one go, in chunks and without ranges.
func ServeNFC(w http.ResponseWriter, r *http.Request) {
	lease, disk := theLeases.find(r.URL.Path)
	if lease == nil && r.Method == http.MethodGet {
		http.NotFound(w, r)
		return
	}
	if lease == nil {
		stockServeNFC(w, r) // uploads
		return
	}
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-lease.over: // who reads slowly, or not at all, is cut off too
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now())
		case <-ended:
		}
	}()
	w.Header().Set("Content-Type", "application/x-vnd.vmware-streamVmdk")
	sum := sha1.New()
	counter := &countingWriter{to: io.MultiWriter(w, sum)}
	populated, err := disk.write(counter, lease.over)
	if err != nil {
		log.Printf("nfc %s: %s", r.URL.Path, err)
		panic(http.ErrAbortHandler)
	}
	disk.manifest.Store(&types.HttpNfcLeaseManifestEntry{
		Key: disk.key, Sha1: hex.EncodeToString(sum.Sum(nil)), Size: counter.count, Disk: true,
		Capacity: disk.layer.capacity, PopulatedSize: populated,
	})
}

var errLeaseOver = errors.New("the lease is over")

func (disk *exportedDisk) write(out io.Writer, over <-chan struct{}) (int64, error) {
	theDisks.lock.Lock()
	used, err := disk.layer.allocated()
	theDisks.lock.Unlock()
	if err != nil {
		return 0, err
	}
	capacity := disk.layer.capacity
	return writeStream(out, "disk.vmdk", capacity, func(grain []byte, offset int64) (bool, error) {
		select {
		case <-over:
			return false, errLeaseOver
		default:
		}
		if !used.has(offset / granuleSize) {
			return false, nil
		}
		clear(grain)
		theDisks.lock.Lock()
		defer theDisks.lock.Unlock()
		return true, disk.layer.readAt(grain[:min(int64(len(grain)), capacity-offset)], offset)
	})
}

type countingWriter struct {
	to    io.Writer
	count int64
}

func (c *countingWriter) Write(data []byte) (int, error) {
	n, err := c.to.Write(data)
	c.count += int64(n)
	return n, err
}
