//go:build vendored

package simulator

import (
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// A cluster keeps all that it is told of HA, DRS and DPM, where the stock simulator keeps on and off,
// and has an EVC mode.

func (c *ClusterComputeResource) update(ctx *Context, cfg *types.ClusterConfigInfoEx, spec *types.ClusterConfigSpecEx) types.BaseMethodFault {
	if fault := c.stockUpdate(ctx, cfg, spec); fault != nil {
		return fault
	}
	if spec.DasConfig != nil {
		merge(&cfg.DasConfig, spec.DasConfig)
		if summary, ok := c.Summary.(*types.ClusterComputeResourceSummary); ok {
			switch policy := cfg.DasConfig.AdmissionControlPolicy.(type) {
			case *types.ClusterFailoverLevelAdmissionControlPolicy:
				summary.CurrentFailoverLevel = policy.FailoverLevel
			}
		}
	}
	if spec.DrsConfig != nil {
		merge(&cfg.DrsConfig, spec.DrsConfig)
	}
	if spec.DpmConfig != nil {
		if cfg.DpmConfigInfo == nil {
			cfg.DpmConfigInfo = new(types.ClusterDpmConfigInfo)
		}
		merge(cfg.DpmConfigInfo, spec.DpmConfig)
	}
	for _, host := range spec.DpmHostConfigSpec {
		if host.Info != nil {
			cfg.DpmHostConfig = append(cfg.DpmHostConfig, *host.Info)
		}
	}
	if spec.ProactiveDrsConfig != nil {
		cfg.ProactiveDrsConfig = spec.ProactiveDrsConfig
	}
	if spec.Orchestration != nil {
		cfg.Orchestration = spec.Orchestration
	}
	merge(&cfg.ComputeResourceConfigInfo, &spec.ComputeResourceConfigSpec)
	return nil
}

// evcManager is what EvcManager answers: the mode that all processors of the cluster show.
type evcManager struct {
	mo.ClusterEVCManager
}

// EvcManager answers the cluster's own.
func (c *ClusterComputeResource) EvcManager(ctx *Context, _ *types.EvcManager) soap.HasFault {
	ref := types.ManagedObjectReference{Type: "ClusterEVCManager", Value: "evc-" + c.Self.Value}
	if ctx.Map.Get(ref) == nil {
		manager := &evcManager{}
		manager.Self = ref
		manager.ManagedCluster = c.Self
		manager.EvcState.CurrentEVCModeKey = c.Summary.(*types.ClusterComputeResourceSummary).CurrentEVCModeKey
		ctx.Map.Put(manager)
	}
	return &methods.EvcManagerBody{Res: &types.EvcManagerResponse{Returnval: &ref}}
}

func (m *evcManager) set(ctx *Context, key string) {
	m.EvcState.CurrentEVCModeKey = key
	cluster := ctx.Map.Get(m.ManagedCluster).(*ClusterComputeResource)
	ctx.WithLock(cluster, func() {
		cluster.Summary.(*types.ClusterComputeResourceSummary).CurrentEVCModeKey = key
		for _, ref := range cluster.Host {
			host := ctx.Map.Get(ref).(*HostSystem)
			host.Summary.CurrentEVCModeKey = key
			if host.Summary.MaxEVCModeKey == "" {
				host.Summary.MaxEVCModeKey = key
			}
		}
	})
}

// ConfigureEvcModeTask sets the mode.
func (m *evcManager) ConfigureEvcModeTask(ctx *Context, req *types.ConfigureEvcMode_Task) soap.HasFault {
	task := CreateTask(m, "configureEvcMode", func(*Task) (types.AnyType, types.BaseMethodFault) {
		m.set(ctx, req.EvcModeKey)
		return nil, nil
	})
	return &methods.ConfigureEvcMode_TaskBody{
		Res: &types.ConfigureEvcMode_TaskResponse{Returnval: task.Run(ctx)},
	}
}

// DisableEvcModeTask clears it.
func (m *evcManager) DisableEvcModeTask(ctx *Context, _ *types.DisableEvcMode_Task) soap.HasFault {
	task := CreateTask(m, "disableEvcMode", func(*Task) (types.AnyType, types.BaseMethodFault) {
		m.set(ctx, "")
		return nil, nil
	})
	return &methods.DisableEvcMode_TaskBody{
		Res: &types.DisableEvcMode_TaskResponse{Returnval: task.Run(ctx)},
	}
}
