//go:build vendored

package simulator

import (
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// vApps and storage pods keep what they are told.

// UpdateVAppConfig sets the start order, the properties and the rest of a vApp.
func (a *VirtualApp) UpdateVAppConfig(req *types.UpdateVAppConfig) soap.HasFault {
	if a.VAppConfig == nil {
		a.VAppConfig = new(types.VAppConfigInfo)
	}
	properties, products := a.VAppConfig.Property, a.VAppConfig.Product
	merge(a.VAppConfig, &req.Spec)
	for _, spec := range req.Spec.Property {
		if spec.Info != nil {
			properties = append(properties, *spec.Info)
		}
	}
	for _, spec := range req.Spec.Product {
		if spec.Info != nil {
			products = append(products, *spec.Info)
		}
	}
	a.VAppConfig.Property, a.VAppConfig.Product = properties, products
	return &methods.UpdateVAppConfigBody{Res: &types.UpdateVAppConfigResponse{}}
}

// ConfigureStorageDrsForPodTask sets how the pod balances, and which VMs it treats otherwise.
func (m *StorageResourceManager) ConfigureStorageDrsForPodTask(ctx *Context, req *types.ConfigureStorageDrsForPod_Task) soap.HasFault {
	pod, ok := ctx.Map.Get(req.Pod).(*StoragePod)
	if ok {
		ctx.WithLock(pod, func() {
			config := &pod.PodStorageDrsEntry.StorageDrsConfig
			if req.Spec.PodConfigSpec != nil {
				rules := config.PodConfig.Rule
				merge(&config.PodConfig, req.Spec.PodConfigSpec)
				for _, rule := range req.Spec.PodConfigSpec.Rule {
					if rule.Info != nil {
						rules = append(rules, rule.Info)
					}
				}
				config.PodConfig.Rule = rules
			}
			for _, vm := range req.Spec.VmConfigSpec {
				if vm.Info != nil {
					config.VmConfig = append(config.VmConfig, *vm.Info)
				}
			}
		})
	}
	return m.stockConfigureStorageDrsForPodTask(ctx, req)
}
