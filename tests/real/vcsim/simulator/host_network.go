//go:build vendored

package simulator

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// What a host's network system is told shows in `config.network` of the host, and hosts differ: the
// stock simulator shows the same template for each, and keeps the names of switches only.

var hostCount atomic.Int32

const (
	switchKey    = "key-vim.host.VirtualSwitch-"
	portgroupKey = "key-vim.host.PortGroup-"
	pnicKey      = "key-vim.host.PhysicalNic-"
	vnicKey      = "key-vim.host.VirtualNic-"
)

// NewHostNetworkSystem makes one that shares its information with the host.
func NewHostNetworkSystem(host *mo.HostSystem) *HostNetworkSystem {
	system := stockNewHostNetworkSystem(host)
	system.NetworkInfo = host.Config.Network
	number := hostCount.Add(1)
	for i := range host.Config.Network.Pnic {
		host.Config.Network.Pnic[i].Mac = mac(number, i)
	}
	for i := range host.Config.Network.Vnic {
		host.Config.Network.Vnic[i].Spec.Mac = mac(number, 0x80+i)
	}
	return system
}

func mac(host int32, nic int) string {
	return fmt.Sprintf("ac:1f:6b:%02x:%02x:%02x", host>>8&0xff, host&0xff, nic)
}

func (s *HostNetworkSystem) vswitch(name string) *types.HostVirtualSwitch {
	for i := range s.NetworkInfo.Vswitch {
		if s.NetworkInfo.Vswitch[i].Name == name {
			return &s.NetworkInfo.Vswitch[i]
		}
	}
	return nil
}

func (s *HostNetworkSystem) portgroup(name string) *types.HostPortGroup {
	for i := range s.NetworkInfo.Portgroup {
		if s.NetworkInfo.Portgroup[i].Spec.Name == name {
			return &s.NetworkInfo.Portgroup[i]
		}
	}
	return nil
}

// said brings a switch in line with its specification.
func said(vswitch *types.HostVirtualSwitch, spec *types.HostVirtualSwitchSpec) {
	merge(&vswitch.Spec, spec)
	vswitch.Mtu = vswitch.Spec.Mtu
	if vswitch.Mtu == 0 {
		vswitch.Mtu = 1500
	}
	if bond, ok := vswitch.Spec.Bridge.(*types.HostVirtualSwitchBondBridge); ok {
		vswitch.Pnic = nil
		for _, device := range bond.NicDevice {
			vswitch.Pnic = append(vswitch.Pnic, pnicKey+device)
		}
	}
}

// AddVirtualSwitch makes a standard switch with everything that its specification says.
func (s *HostNetworkSystem) AddVirtualSwitch(c *types.AddVirtualSwitch) soap.HasFault {
	body := &methods.AddVirtualSwitchBody{}
	if s.vswitch(c.VswitchName) != nil {
		body.Fault_ = Fault("", &types.AlreadyExists{Name: c.VswitchName})
		return body
	}
	vswitch := types.HostVirtualSwitch{
		Name: c.VswitchName, Key: switchKey + c.VswitchName, NumPorts: 128, NumPortsAvailable: 120,
	}
	vswitch.Spec.NumPorts = 128
	if standard := s.vswitch("vSwitch0"); standard != nil { // the policy that a new switch begins with
		deepCopy(standard.Spec.Policy, &vswitch.Spec.Policy)
		vswitch.Spec.Policy.NicTeaming.NicOrder = nil
	}
	said(&vswitch, c.Spec)
	s.NetworkInfo.Vswitch = append(s.NetworkInfo.Vswitch, vswitch)
	body.Res = &types.AddVirtualSwitchResponse{}
	return body
}

// UpdateVirtualSwitch changes a standard switch.
func (s *HostNetworkSystem) UpdateVirtualSwitch(c *types.UpdateVirtualSwitch) soap.HasFault {
	body := &methods.UpdateVirtualSwitchBody{}
	vswitch := s.vswitch(c.VswitchName)
	if vswitch == nil {
		body.Fault_ = Fault("", &types.NotFound{})
		return body
	}
	said(vswitch, &c.Spec)
	body.Res = &types.UpdateVirtualSwitchResponse{}
	return body
}

// computed is a port group's policy: its own where it has one, else that of its switch.
func computed(vswitch *types.HostVirtualSwitch, own types.HostNetworkPolicy) types.HostNetworkPolicy {
	var policy types.HostNetworkPolicy
	if vswitch.Spec.Policy != nil {
		deepCopy(vswitch.Spec.Policy, &policy)
	}
	for _, part := range []struct{ info, spec any }{
		{&policy.Security, own.Security}, {&policy.NicTeaming, own.NicTeaming},
		{&policy.OffloadPolicy, own.OffloadPolicy}, {&policy.ShapingPolicy, own.ShapingPolicy},
	} {
		overrule(part.info, part.spec)
	}
	return policy
}

// AddPortGroup makes a port group; hosts that have one of the same name share its network.
func (s *HostNetworkSystem) AddPortGroup(ctx *Context, c *types.AddPortGroup) soap.HasFault {
	body := &methods.AddPortGroupBody{}
	vswitch := s.vswitch(c.Portgrp.VswitchName)
	switch {
	case c.Portgrp.Name == "":
		body.Fault_ = Fault("", &types.InvalidArgument{InvalidProperty: "name"})
		return body
	case vswitch == nil:
		body.Fault_ = Fault("", &types.NotFound{})
		return body
	case s.portgroup(c.Portgrp.Name) != nil:
		body.Fault_ = Fault("", &types.AlreadyExists{Name: c.Portgrp.Name})
		return body
	}
	folder := s.folder(ctx)
	network, ok := ctx.Map.FindByName(c.Portgrp.Name, folder.ChildEntity).(*mo.Network)
	if !ok {
		network = &mo.Network{}
		network.Name = c.Portgrp.Name
		network.Entity().Name = network.Name
		folderPutChild(ctx, &folder.Folder, network)
	}
	parent := hostParent(ctx, s.Host)
	ctx.Map.AddReference(ctx, network, &network.Host, s.Host.Self)
	ctx.Map.AddReference(ctx, s.Host, &s.Host.Network, network.Self)
	ctx.Map.AddReference(ctx, parent, &parent.Network, network.Self)

	key := portgroupKey + c.Portgrp.Name
	vswitch.Portgroup = append(vswitch.Portgroup, key)
	s.NetworkInfo.Portgroup = append(s.NetworkInfo.Portgroup, types.HostPortGroup{
		Key: key, Vswitch: vswitch.Key, Spec: c.Portgrp, ComputedPolicy: computed(vswitch, c.Portgrp.Policy),
	})
	body.Res = &types.AddPortGroupResponse{}
	return body
}

// UpdatePortGroup changes a port group.
func (s *HostNetworkSystem) UpdatePortGroup(c *types.UpdatePortGroup) soap.HasFault {
	body := &methods.UpdatePortGroupBody{}
	group, vswitch := s.portgroup(c.PgName), s.vswitch(c.Portgrp.VswitchName)
	if group == nil || vswitch == nil {
		body.Fault_ = Fault("", &types.NotFound{})
		return body
	}
	group.Spec = c.Portgrp
	group.ComputedPolicy = computed(vswitch, c.Portgrp.Policy)
	body.Res = &types.UpdatePortGroupResponse{}
	return body
}

// AddVirtualNic makes a VMkernel NIC on a port group (named), or on a distributed one (in the spec).
func (s *HostNetworkSystem) AddVirtualNic(ctx *Context, c *types.AddVirtualNic) soap.HasFault {
	body := &methods.AddVirtualNicBody{}
	if c.Portgroup != "" && s.portgroup(c.Portgroup) == nil {
		body.Fault_ = Fault("", &types.NotFound{})
		return body
	}
	number := len(s.NetworkInfo.Vnic)
	device := fmt.Sprintf("vmk%d", number)
	vnic := types.HostVirtualNic{
		Device: device, Key: vnicKey + device, Portgroup: c.Portgroup, Spec: c.Nic,
	}
	vnic.Spec.Portgroup = c.Portgroup
	if vnic.Spec.Mac == "" {
		vnic.Spec.Mac = "00:50:56:6" + s.NetworkInfo.Pnic[0].Mac[10:11] + s.NetworkInfo.Pnic[0].Mac[11:14] +
			fmt.Sprintf(":%02x", number)
	}
	if vnic.Spec.Mtu == 0 {
		vnic.Spec.Mtu = 1500
	}
	if vnic.Spec.NetStackInstanceKey == "" {
		vnic.Spec.NetStackInstanceKey = "defaultTcpipStack"
	}
	s.NetworkInfo.Vnic = append(s.NetworkInfo.Vnic, vnic)
	if manager, ok := ctx.Map.Get(*s.Host.ConfigManager.VirtualNicManager).(*HostVirtualNicManager); ok {
		manager.candidate(vnic)
	}
	body.Res = &types.AddVirtualNicResponse{Returnval: device}
	return body
}

// UpdateVirtualNic changes a VMkernel NIC.
func (s *HostNetworkSystem) UpdateVirtualNic(c *types.UpdateVirtualNic) soap.HasFault {
	body := &methods.UpdateVirtualNicBody{}
	at := slices.IndexFunc(s.NetworkInfo.Vnic, func(v types.HostVirtualNic) bool { return v.Device == c.Device })
	if at < 0 {
		body.Fault_ = Fault("", &types.NotFound{})
		return body
	}
	merge(&s.NetworkInfo.Vnic[at].Spec, &c.Nic)
	body.Res = &types.UpdateVirtualNicResponse{}
	return body
}
