//go:build vendored

package simulator

import (
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/types"
)

// How busy a VM is: made up, the same each time for the same VM, counter and moment.

// instancesOf says of what a counter's group has instances, besides the sum of all (an empty name).
func instancesOf(vm *VirtualMachine, group string) (instances []string, sum bool) {
	devices := object.VirtualDeviceList(vm.Config.Hardware.Device)
	switch group {
	case "cpu":
		for i := range int(vm.Config.Hardware.NumCPU) {
			instances = append(instances, strconv.Itoa(i))
		}
		return instances, true
	case "net":
		for _, nic := range devices.SelectByType((*types.VirtualEthernetCard)(nil)) {
			instances = append(instances, fmt.Sprint(nic.GetVirtualDevice().Key))
		}
		return instances, true
	case "virtualDisk":
		for _, disk := range devices.SelectByType((*types.VirtualDisk)(nil)) {
			device := disk.GetVirtualDevice()
			bus, prefix := int32(0), "scsi"
			switch controller := devices.FindByKey(device.ControllerKey).(type) {
			case *types.VirtualIDEController:
				bus, prefix = controller.BusNumber, "ide"
			case *types.VirtualAHCIController:
				bus, prefix = controller.BusNumber, "sata"
			case *types.VirtualNVMEController:
				bus, prefix = controller.BusNumber, "nvme"
			case types.BaseVirtualController:
				bus = controller.GetVirtualController().BusNumber
			}
			if device.UnitNumber != nil {
				instances = append(instances, fmt.Sprintf("%s%d:%d", prefix, bus, *device.UnitNumber))
			}
		}
		return instances, false
	case "disk":
		if len(vm.Datastore) != 0 {
			instances = append(instances, "naa.6000"+vm.Datastore[0].Value)
		}
		return instances, true
	default:
		return nil, true
	}
}

// kept are the counters that VMs have here.
var kept = map[string]shape{
	"cpu.usage.average":                       {base: 1800, swing: 0.7, most: 10000},
	"cpu.usagemhz.average":                    {base: 480, swing: 0.7},
	"cpu.ready.summation":                     {base: 90, swing: 0.9, perSecond: true},
	"cpu.costop.summation":                    {base: 4, swing: 0.9, perSecond: true},
	"mem.usage.average":                       {base: 3500, swing: 0.2, most: 10000},
	"mem.active.average":                      {base: 0.35, swing: 0.4, ofMemory: true},
	"mem.consumed.average":                    {base: 0.8, swing: 0.05, ofMemory: true},
	"mem.granted.average":                     {base: 0.9, swing: 0.03, ofMemory: true},
	"mem.swapped.average":                     {base: 0},
	"mem.vmmemctl.average":                    {base: 0},
	"disk.usage.average":                      {base: 400, swing: 0.9},
	"disk.read.average":                       {base: 250, swing: 0.9},
	"disk.write.average":                      {base: 150, swing: 0.9},
	"disk.numberReadAveraged.average":         {base: 30, swing: 0.9},
	"disk.numberWriteAveraged.average":        {base: 18, swing: 0.9},
	"disk.maxTotalLatency.latest":             {base: 6, swing: 0.8},
	"virtualDisk.read.average":                {base: 220, swing: 0.9},
	"virtualDisk.write.average":               {base: 140, swing: 0.9},
	"virtualDisk.numberReadAveraged.average":  {base: 25, swing: 0.9},
	"virtualDisk.numberWriteAveraged.average": {base: 15, swing: 0.9},
	"virtualDisk.totalReadLatency.average":    {base: 4, swing: 0.8},
	"virtualDisk.totalWriteLatency.average":   {base: 3, swing: 0.8},
	"net.usage.average":                       {base: 120, swing: 0.9},
	"net.received.average":                    {base: 80, swing: 0.9},
	"net.transmitted.average":                 {base: 40, swing: 0.9},
	"net.packetsRx.summation":                 {base: 60, swing: 0.9, perSecond: true},
	"net.packetsTx.summation":                 {base: 45, swing: 0.9, perSecond: true},
}

// shape is how a counter moves: around base, up and down by swing of it over a day.
type shape struct {
	base, swing float64
	most        int64 // a percentage does not go beyond 100 %
	perSecond   bool  // a sum over the interval: grows with its length
	ofMemory    bool  // base is a share of the VM's memory, the value kilobytes
}

func counterName(info types.PerfCounterInfo) string {
	return info.GroupInfo.GetElementDescription().Key + "." +
		info.NameInfo.GetElementDescription().Key + "." + string(info.RollupType)
}

// available are the metrics of a VM at a statistics level; instances have a level of their own.
func (p *PerformanceManager) available(vm *VirtualMachine, level int32) []types.PerfMetricId {
	var ids []types.PerfMetricId
	for _, counter := range p.PerfCounter {
		if _, ok := kept[counterName(counter)]; !ok {
			continue
		}
		instances, sum := instancesOf(vm, counter.GroupInfo.GetElementDescription().Key)
		if sum && counter.Level <= level {
			ids = append(ids, types.PerfMetricId{CounterId: counter.Key})
		}
		if counter.PerDeviceLevel <= level {
			for _, instance := range instances {
				ids = append(ids, types.PerfMetricId{CounterId: counter.Key, Instance: instance})
			}
		}
	}
	return ids
}

// queryAvailablePerfMetric answers what QueryPerf would have of a VM.
func (p *PerformanceManager) queryAvailablePerfMetric(ctx *Context, entity types.ManagedObjectReference, interval int32) *types.QueryAvailablePerfMetricResponse {
	vm, ok := ctx.Map.Get(entity).(*VirtualMachine)
	if !ok {
		return p.stockQueryAvailablePerfMetric(ctx, entity, interval)
	}
	res := new(types.QueryAvailablePerfMetricResponse)
	level := int32(4)
	for _, history := range p.HistoricalInterval {
		if history.SamplingPeriod == interval {
			level = history.Level
		}
	}
	if vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn && gapOf(entity) != "none" {
		res.Returnval = p.available(vm, level)
	}
	return res
}

type load struct {
	shape
	seed   uint64
	memory float64
}

func loadOf(vm *VirtualMachine, counter types.PerfCounterInfo, instance string) load {
	digest := fnv.New64a()
	fmt.Fprint(digest, vm.Name, counter.Key, instance)
	return load{
		shape: kept[counterName(counter)], seed: digest.Sum64(),
		memory: float64(vm.Config.Hardware.MemoryMB) * 1024,
	}
}

func (l load) at(moment time.Time, interval int32) int64 {
	if l.base == 0 {
		return 0
	}
	seconds := float64(moment.Unix())
	phase := float64(l.seed%86400) / 86400 * 2 * math.Pi
	day := math.Sin(seconds/86400*2*math.Pi+phase) * l.swing
	noise := float64((uint64(moment.Unix())*2654435761^l.seed)%1000)/1000 - 0.5
	value := l.base * (0.5 + float64(l.seed>>32%100)/100) * (1 + day*0.8 + noise*l.swing*0.2)
	if l.ofMemory {
		value = l.memory * l.base * (1 + day*0.5)
	}
	if l.perSecond {
		value *= float64(interval) / realtime
	}
	whole := max(0, int64(value))
	if l.most != 0 {
		whole = min(whole, l.most)
	}
	return whole
}
