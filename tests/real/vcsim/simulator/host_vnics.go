//go:build vendored

package simulator

import (
	"slices"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Which VMkernel NIC serves what (vMotion, management, vSAN): the stock simulator has one answer for
// all hosts and takes no other.

// NewHostVirtualNicManager makes one that shares its information with the host.
func NewHostVirtualNicManager(host *mo.HostSystem) *HostVirtualNicManager {
	manager := stockNewHostVirtualNicManager(host)
	if host.Config.VirtualNicManagerInfo == nil {
		host.Config.VirtualNicManagerInfo = new(types.HostVirtualNicManagerInfo)
		deepCopy(manager.Info, host.Config.VirtualNicManagerInfo)
	}
	manager.show()
	return manager
}

func (m *HostVirtualNicManager) show() { m.Info = *m.Host.Config.VirtualNicManagerInfo }

func (m *HostVirtualNicManager) candidate(vnic types.HostVirtualNic) {
	configs := m.Host.Config.VirtualNicManagerInfo.NetConfig
	for i := range configs {
		vnic.Key = configs[i].NicType + "." + vnicKey + vnic.Device
		configs[i].CandidateVnic = append(configs[i].CandidateVnic, vnic)
	}
	m.show()
}

// SelectVnicForNicType lets a VMkernel NIC serve something.
func (m *HostVirtualNicManager) SelectVnicForNicType(c *types.SelectVnicForNicType) soap.HasFault {
	body := &methods.SelectVnicForNicTypeBody{}
	info := m.Host.Config.VirtualNicManagerInfo
	at := slices.IndexFunc(info.NetConfig, func(n types.VirtualNicManagerNetConfig) bool { return n.NicType == c.NicType })
	if at < 0 {
		info.NetConfig = append(info.NetConfig, types.VirtualNicManagerNetConfig{
			NicType: c.NicType, MultiSelectAllowed: true,
		})
		at = len(info.NetConfig) - 1
		for _, vnic := range m.Host.Config.Network.Vnic {
			vnic.Key = c.NicType + "." + vnicKey + vnic.Device
			info.NetConfig[at].CandidateVnic = append(info.NetConfig[at].CandidateVnic, vnic)
		}
	}
	key := c.NicType + "." + vnicKey + c.Device
	config := &info.NetConfig[at]
	if !slices.ContainsFunc(config.CandidateVnic, func(v types.HostVirtualNic) bool { return v.Key == key }) {
		body.Fault_ = Fault("", &types.InvalidArgument{InvalidProperty: "device"})
		return body
	}
	if !config.MultiSelectAllowed {
		config.SelectedVnic = nil
	}
	if !slices.Contains(config.SelectedVnic, key) {
		config.SelectedVnic = append(config.SelectedVnic, key)
	}
	m.show()
	body.Res = &types.SelectVnicForNicTypeResponse{}
	return body
}

// DeselectVnicForNicType ends that.
func (m *HostVirtualNicManager) DeselectVnicForNicType(c *types.DeselectVnicForNicType) soap.HasFault {
	key := c.NicType + "." + vnicKey + c.Device
	for i := range m.Host.Config.VirtualNicManagerInfo.NetConfig {
		config := &m.Host.Config.VirtualNicManagerInfo.NetConfig[i]
		if config.NicType == c.NicType {
			config.SelectedVnic = slices.DeleteFunc(config.SelectedVnic, func(k string) bool { return k == key })
		}
	}
	m.show()
	return &methods.DeselectVnicForNicTypeBody{Res: &types.DeselectVnicForNicTypeResponse{}}
}
