//go:build vendored

package simulator

import "github.com/vmware/govmomi/vim25/types"

// fileOf answers the file of a disk whose content is kept here; nil for raw devices.
func fileOf(backing types.BaseVirtualDeviceBackingInfo) *types.VirtualDeviceFileBackingInfo {
	switch b := backing.(type) {
	case *types.VirtualDiskFlatVer2BackingInfo:
		return &b.VirtualDeviceFileBackingInfo
	case *types.VirtualDiskSeSparseBackingInfo:
		return &b.VirtualDeviceFileBackingInfo
	default:
		return nil
	}
}

// takesPart tells whether snapshots are about a disk: independent ones and raw devices are left out.
func takesPart(backing types.BaseVirtualDeviceBackingInfo) bool {
	mode := ""
	switch b := backing.(type) {
	case *types.VirtualDiskFlatVer2BackingInfo:
		mode = b.DiskMode
	case *types.VirtualDiskSeSparseBackingInfo:
		mode = b.DiskMode
	default:
		return false
	}
	return mode == "" || mode == string(types.VirtualDiskModePersistent)
}

// backingAt answers a backing like the given one that names a layer and its parents. What a client
// wrote about parents and change ids of a disk that has none here stays.
func backingAt(like types.BaseVirtualDeviceBackingInfo, at *layer) types.BaseVirtualDeviceBackingInfo {
	var parent types.BaseVirtualDeviceBackingInfo
	if at.parent != nil {
		parent = backingAt(like, at.parent)
	}
	moved := fileOf(like).FileName != at.name
	switch b := like.(type) {
	case *types.VirtualDiskFlatVer2BackingInfo:
		made := *b
		made.FileName = at.name
		if moved || parent != nil {
			made.Parent, _ = parent.(*types.VirtualDiskFlatVer2BackingInfo)
			made.DeltaDiskFormat = ""
		}
		if parent != nil {
			made.DeltaDiskFormat = string(types.VirtualDiskDeltaDiskFormatRedoLogFormat)
		}
		if at.tracker != nil {
			made.ChangeId = at.changeID()
		}
		return &made
	case *types.VirtualDiskSeSparseBackingInfo:
		made := *b
		made.FileName = at.name
		if moved || parent != nil {
			made.Parent, _ = parent.(*types.VirtualDiskSeSparseBackingInfo)
			made.DeltaDiskFormat = ""
		}
		if at.tracker != nil {
			made.ChangeId = at.changeID()
		}
		return &made
	default:
		return like
	}
}

func forgetChangeID(backing types.BaseVirtualDeviceBackingInfo) {
	switch b := backing.(type) {
	case *types.VirtualDiskFlatVer2BackingInfo:
		b.ChangeId = ""
	case *types.VirtualDiskSeSparseBackingInfo:
		b.ChangeId = ""
	}
}
