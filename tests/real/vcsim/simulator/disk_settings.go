//go:build vendored

package simulator

import (
	"encoding/json"
	"fmt"
	"sync"
)

// diskSettings are what tests may set of the disks' behaviour.
type diskSettings struct {
	SnapshotSeconds     float64 `json:"snapshot_seconds"`      // until a snapshot is there
	MergeSeconds        float64 `json:"merge_seconds"`         // how long removing a snapshot takes
	AreasPerAnswer      int     `json:"areas_per_answer"`      // of QueryChangedDiskAreas
	TrackFromCreate     bool    `json:"track_from_create"`     // already creating a snapshot starts tracking
	RevertKeepsTracking bool    `json:"revert_keeps_tracking"` // change ids go on as if there had been none
	LeaseSeconds        float64 `json:"lease_seconds"`         // without progress a lease ends after them
	LeaseInitialisation float64 `json:"lease_initialisation_seconds"`
	FolderIsLive        bool    `json:"folder_is_live"` // /folder gives other bytes than a snapshot froze
	FolderLiveFrom      int     `json:"folder_live_from"` // ... from this reading of the same bytes on
	LockedStatus        int     `json:"locked_status"`  // of /folder for files in use; 200: they are read
}

type settings struct {
	lock   sync.Mutex
	values diskSettings
	read   map[string]int // of the bytes of a file, since the settings were changed
}

var theSettings = settings{values: diskSettings{
	AreasPerAnswer: 2000, LeaseSeconds: 300, LeaseInitialisation: 0.05, FolderLiveFrom: 1, LockedStatus: 500,
}}

func (s *settings) get() diskSettings {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.values
}

// lives tells whether /folder gives other bytes now, for bytes of a file that are asked for.
func (s *settings) lives(bytes string) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.read == nil {
		s.read = make(map[string]int)
	}
	s.read[bytes]++
	return s.values.FolderIsLive && s.read[bytes] >= s.values.FolderLiveFrom
}

// load changes those that are named.
func (s *settings) load(text []byte) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	values := s.values
	if err := json.Unmarshal(text, &values); err != nil {
		return err
	}
	if values.AreasPerAnswer < 1 || values.LeaseSeconds <= 0 || values.MergeSeconds < 0 || values.SnapshotSeconds < 0 ||
		values.LockedStatus < 200 {
		return fmt.Errorf("settings do not fit: %+v", values)
	}
	s.values, s.read = values, nil
	return nil
}
