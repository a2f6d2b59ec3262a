//go:build vendored

package simulator

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// With -rich the model's VMs report a guest (host name, addresses, DNS, file systems) and have tags:
// for measuring with thousands of VMs, where asking for each through the API would take too long.

var rich = flag.Bool("rich", false, "give the model's VMs guests and tags")

var guestKinds = []string{"rhel9_64Guest", "windows2019srv_64Guest", "ubuntu64Guest", "centos7_64Guest"}

// NewServer adds to the model what needs the REST services to be there.
func (s *Service) NewServer() *Server {
	server := s.stockNewServer()
	if *rich {
		enrich(s.Context)
	}
	return server
}

func enrich(ctx *Context) {
	names := []string{"production", "test", "development"}
	var tags []string
	manager := ctx.svc.sdk["/sdk"].tagManager
	if maker, ok := manager.(interface{ AddTag(string, string) string }); ok {
		for _, name := range names {
			tags = append(tags, maker.AddTag("environment", name))
		}
	}
	vms := ctx.Map.All("VirtualMachine")
	slices.SortFunc(vms, func(a, b mo.Entity) int { // the registry answers in any order
		return strings.Compare(a.Entity().Name, b.Entity().Name)
	})
	for number, each := range vms {
		vm := each.(*VirtualMachine)
		guest(vm, number)
		if len(tags) != 0 {
			_ = manager.AttachTag(vm.Self, tags[number%len(tags)])
		}
	}
}

func guest(vm *VirtualMachine, number int) {
	kind := guestKinds[number%len(guestKinds)]
	host := fmt.Sprintf("vm%05d", number)
	address := fmt.Sprintf("10.%d.%d.%d", number>>16&0xff, number>>8&0xff, number&0xff)
	vm.Config.GuestId, vm.Config.GuestFullName = kind, kind
	vm.Config.Annotation = fmt.Sprintf("service %d, owner team %d", number/7, number%40)
	vm.Summary.Config.GuestId, vm.Summary.Config.GuestFullName = kind, kind
	vm.Config.ExtraConfig = append(vm.Config.ExtraConfig,
		&types.OptionValue{Key: "disk.EnableUUID", Value: "TRUE"},
		&types.OptionValue{Key: "svga.present", Value: "TRUE"},
		&types.OptionValue{Key: "guestinfo.hostname", Value: host},
	)
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		return
	}
	info := vm.Guest
	info.GuestId, info.GuestFullName = kind, kind
	info.HostName, info.IpAddress = host+".example", address
	info.GuestState = "running"
	info.ToolsStatus = types.VirtualMachineToolsStatusToolsOk
	info.ToolsRunningStatus = string(types.VirtualMachineToolsRunningStatusGuestToolsRunning)
	info.ToolsVersionStatus2 = string(types.VirtualMachineToolsVersionStatusGuestToolsCurrent)
	for i := range info.Net {
		info.Net[i].IpAddress = []string{address, "fe80::250:56ff:fe00:1"}
		info.Net[i].IpConfig = &types.NetIpConfigInfo{IpAddress: []types.NetIpConfigInfoIpAddress{
			{IpAddress: address, PrefixLength: 16, Origin: "manual", State: "preferred"},
		}}
	}
	info.IpStack = []types.GuestStackInfo{{
		DnsConfig: &types.NetDnsConfigInfo{HostName: host, DomainName: "example", IpAddress: []string{"10.0.0.53"}},
		IpRouteConfig: &types.NetIpRouteConfigInfo{IpRoute: []types.NetIpRouteConfigInfoIpRoute{
			{Network: "0.0.0.0", Gateway: types.NetIpRouteConfigInfoGateway{IpAddress: "10.0.0.1", Device: "0"}},
		}},
	}}
	capacity := int64(10+number%90) << 30
	info.Disk = []types.GuestDiskInfo{{DiskPath: "/", Capacity: capacity, FreeSpace: capacity / 3, FilesystemType: "xfs"}}
	vm.Summary.Guest.HostName, vm.Summary.Guest.IpAddress = info.HostName, address
	vm.Summary.Guest.ToolsStatus = info.ToolsStatus
	vm.Summary.Guest.ToolsRunningStatus = info.ToolsRunningStatus
}
