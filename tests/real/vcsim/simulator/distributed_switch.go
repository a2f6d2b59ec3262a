//go:build vendored

package simulator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// A distributed switch keeps what it is told: private VLANs, mirror sessions, LACP groups, MTU, traffic
// shares, members with their uplinks. The stock simulator keeps a part at creation and nothing later.

// CreateDVSTask makes a switch, then does with it what a reconfigure with the same words would.
func (f *Folder) CreateDVSTask(ctx *Context, req *types.CreateDVS_Task) soap.HasFault {
	body := f.stockCreateDVSTask(ctx, req).(*methods.CreateDVS_TaskBody)
	if body.Res == nil {
		return body
	}
	task := ctx.Map.Get(body.Res.Returnval).(*Task)
	task.Wait()
	ref, ok := task.Info.Result.(types.ManagedObjectReference)
	if !ok {
		return body
	}
	dvs := ctx.Map.Get(ref).(*DistributedVirtualSwitch)
	ctx.WithLock(dvs, func() {
		dvs.keep(ctx, req.Spec.ConfigSpec)
		config := dvs.Config.GetDVSConfigInfo()
		if dvs.Summary.ProductInfo != nil {
			config.ProductInfo = *dvs.Summary.ProductInfo
		}
		for _, group := range dvs.Portgroup {
			uplinks, ok := ctx.Map.Get(group).(*DistributedVirtualPortgroup)
			if ok && strings.Contains(uplinks.Name, "-DVUplinks-") {
				uplinks.Config.Uplink = types.NewBool(true)
				config.UplinkPortgroup = []types.ManagedObjectReference{group}
			}
		}
	})
	return body
}

// ReconfigureDvsTask keeps what the stock one drops, then lets it see to the members.
func (s *DistributedVirtualSwitch) ReconfigureDvsTask(ctx *Context, req *types.ReconfigureDvs_Task) soap.HasFault {
	s.keep(ctx, req.Spec)
	return s.stockReconfigureDvsTask(ctx, req)
}

func (s *DistributedVirtualSwitch) keep(ctx *Context, spec types.BaseDVSConfigSpec) {
	config, ok := s.Config.(*types.VMwareDVSConfigInfo)
	if !ok {
		return
	}
	plain := spec.GetDVSConfigSpec()
	for _, member := range plain.Host {
		s.member(ctx, config, member)
	}
	hosts := config.Host
	if detailed, ok := spec.(*types.VMwareDVSConfigSpec); ok {
		merge(config, detailed)
		s.privateVlans(config, detailed.PvlanConfigSpec)
		s.mirrors(config, detailed.VspanConfigSpec)
	} else {
		merge(config, plain)
	}
	config.Host = hosts
	// A member shows the switch's MTU, and it may just have changed.
	for _, member := range config.Host {
		if host, ok := ctx.Map.Get(*member.Config.Host).(*HostSystem); ok {
			for i := range host.Config.Network.ProxySwitch {
				if host.Config.Network.ProxySwitch[i].DvsUuid == s.Uuid {
					host.Config.Network.ProxySwitch[i].Mtu = mtuOf(config)
				}
			}
		}
	}
}

func mtuOf(config *types.VMwareDVSConfigInfo) int32 {
	if config.MaxMtu == 0 {
		return 1500
	}
	return config.MaxMtu
}

func (s *DistributedVirtualSwitch) privateVlans(config *types.VMwareDVSConfigInfo, specs []types.VMwareDVSPvlanConfigSpec) {
	for _, spec := range specs {
		config.PvlanConfig = slices.DeleteFunc(config.PvlanConfig, func(e types.VMwareDVSPvlanMapEntry) bool {
			return e.SecondaryVlanId == spec.PvlanEntry.SecondaryVlanId
		})
		if spec.Operation != string(types.ConfigSpecOperationRemove) {
			config.PvlanConfig = append(config.PvlanConfig, spec.PvlanEntry)
		}
	}
}

func (s *DistributedVirtualSwitch) mirrors(config *types.VMwareDVSConfigInfo, specs []types.VMwareDVSVspanConfigSpec) {
	for number, spec := range specs {
		session := spec.VspanSession
		if session.Key == "" {
			session.Key = fmt.Sprintf("session-%d", len(config.VspanSession)+number)
		}
		config.VspanSession = slices.DeleteFunc(config.VspanSession, func(e types.VMwareVspanSession) bool {
			return e.Key == session.Key
		})
		if spec.Operation != string(types.ConfigSpecOperationRemove) {
			config.VspanSession = append(config.VspanSession, session)
		}
	}
}

// member makes a host's proxy switch, or takes it away.
func (s *DistributedVirtualSwitch) member(
	ctx *Context, config *types.VMwareDVSConfigInfo, spec types.DistributedVirtualSwitchHostMemberConfigSpec,
) {
	host, ok := ctx.Map.Get(spec.Host).(*HostSystem)
	if !ok {
		return
	}
	info := host.Config.Network
	config.Host = slices.DeleteFunc(config.Host, func(m types.DistributedVirtualSwitchHostMember) bool {
		return *m.Config.Host == spec.Host
	})
	info.ProxySwitch = slices.DeleteFunc(info.ProxySwitch, func(p types.HostProxySwitch) bool {
		return p.DvsUuid == s.Uuid
	})
	if spec.Operation == string(types.ConfigSpecOperationRemove) {
		return
	}
	if spec.Backing == nil {
		spec.Backing = new(types.DistributedVirtualSwitchHostMemberPnicBacking)
	}
	proxy := types.HostProxySwitch{
		DvsUuid: s.Uuid, DvsName: s.Name, Key: "key-vim.host.HostProxySwitch-" + s.Name,
		NumPorts: 2560, NumPortsAvailable: 2500, Mtu: mtuOf(config),
		Spec: types.HostProxySwitchSpec{Backing: spec.Backing},
	}
	names, _ := config.UplinkPortPolicy.(*types.DVSNameArrayUplinkPortPolicy)
	if backing, ok := spec.Backing.(*types.DistributedVirtualSwitchHostMemberPnicBacking); ok {
		for i, pnic := range backing.PnicSpec {
			proxy.Pnic = append(proxy.Pnic, pnicKey+pnic.PnicDevice)
			name := fmt.Sprintf("Uplink %d", i+1)
			if names != nil && i < len(names.UplinkPortName) {
				name = names.UplinkPortName[i]
			}
			proxy.UplinkPort = append(proxy.UplinkPort, types.KeyValue{Key: fmt.Sprint(i), Value: name})
		}
	}
	info.ProxySwitch = append(info.ProxySwitch, proxy)
	config.Host = append(config.Host, types.DistributedVirtualSwitchHostMember{
		Config: types.DistributedVirtualSwitchHostMemberConfigInfo{
			Host: &spec.Host, MaxProxySwitchPorts: max(spec.MaxProxySwitchPorts, 512), Backing: spec.Backing,
		},
		Status: "up",
	})
}

// EnableNetworkResourceManagement turns Network I/O Control on or off.
func (s *DistributedVirtualSwitch) EnableNetworkResourceManagement(req *types.EnableNetworkResourceManagement) soap.HasFault {
	s.Config.GetDVSConfigInfo().NetworkResourceManagementEnabled = req.Enable
	return &methods.EnableNetworkResourceManagementBody{Res: &types.EnableNetworkResourceManagementResponse{}}
}

// UpdateDVSLacpGroupConfigTask adds, changes and removes link aggregation groups.
func (s *DistributedVirtualSwitch) UpdateDVSLacpGroupConfigTask(ctx *Context, req *types.UpdateDVSLacpGroupConfig_Task) soap.HasFault {
	task := CreateTask(s, "updateDVSLacpGroupConfig", func(*Task) (types.AnyType, types.BaseMethodFault) {
		config, ok := s.Config.(*types.VMwareDVSConfigInfo)
		if !ok {
			return nil, new(types.NotSupported)
		}
		for _, spec := range req.LacpGroupSpec {
			group := spec.LacpGroupConfig
			if group.Key == "" {
				group.Key = fmt.Sprintf("5000%d", len(config.LacpGroupConfig))
			}
			config.LacpGroupConfig = slices.DeleteFunc(config.LacpGroupConfig, func(e types.VMwareDvsLacpGroupConfig) bool {
				return e.Key == group.Key
			})
			if spec.Operation != string(types.ConfigSpecOperationRemove) {
				config.LacpGroupConfig = append(config.LacpGroupConfig, group)
			}
		}
		return nil, nil
	})
	return &methods.UpdateDVSLacpGroupConfig_TaskBody{
		Res: &types.UpdateDVSLacpGroupConfig_TaskResponse{Returnval: task.Run(ctx)},
	}
}
