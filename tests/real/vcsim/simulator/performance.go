//go:build vendored

package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Performance of VMs as vCenter keeps it: 20-second samples of the last hour for what runs, and
// rollups at 300, 1800, 7200 and 86400 seconds, each with the counters of its statistics level. The
// stock simulator answers any interval, for ever, newest first and with no limit on a query.

// gaps says by VM what is missing: "none" (no samples at all) or "holes" (-1 between the samples).
var gaps struct {
	lock sync.Mutex
	of   map[string]string
}

const (
	realtime    = 20
	realtimeFor = 3600
	limitKey    = "config.vpxd.stats.maxQueryMetrics"
	limit       = 256
)

func init() {
	RegisterEndpoint(func(s *Service, r *Registry) {
		if !r.IsVPX() {
			return
		}
		options := r.OptionManager()
		if options.find(limitKey) == nil {
			options.Setting = append(options.Setting, &types.OptionValue{Key: limitKey, Value: int32(limit)})
		}
		s.ServeMux.HandleFunc("PUT /mtv/performance", func(w http.ResponseWriter, req *http.Request) {
			text, err := io.ReadAll(req.Body)
			said := make(map[string]string)
			if err == nil {
				err = json.Unmarshal(text, &said)
			}
			if err == nil {
				gaps.lock.Lock()
				gaps.of = said
				gaps.lock.Unlock()
			}
			answer(w, err)
		})
	})
}

func gapOf(vm types.ManagedObjectReference) string {
	gaps.lock.Lock()
	defer gaps.lock.Unlock()
	return gaps.of[vm.Value]
}

// UpdatePerfInterval changes a rollup, above all its level.
func (p *PerformanceManager) UpdatePerfInterval(req *types.UpdatePerfInterval) soap.HasFault {
	body := new(methods.UpdatePerfIntervalBody)
	intervals := slices.Clone(p.HistoricalInterval)
	for i := range intervals {
		if intervals[i].SamplingPeriod == req.Interval.SamplingPeriod {
			intervals[i] = req.Interval
			p.HistoricalInterval = intervals
			body.Res = new(types.UpdatePerfIntervalResponse)
			return body
		}
	}
	body.Fault_ = Fault("", &types.InvalidArgument{InvalidProperty: "interval"})
	return body
}

// QueryPerf answers VMs from here and everything else from the stock simulator.
func (p *PerformanceManager) QueryPerf(ctx *Context, req *types.QueryPerf) soap.HasFault {
	if fault := p.tooMuch(ctx, req.QuerySpec); fault != nil {
		return &methods.QueryPerfBody{Fault_: fault}
	}
	body := &methods.QueryPerfBody{Res: new(types.QueryPerfResponse)}
	for _, spec := range req.QuerySpec {
		if spec.Entity.Type != "VirtualMachine" {
			stock := p.stockQueryPerf(ctx, &types.QueryPerf{This: req.This, QuerySpec: []types.PerfQuerySpec{spec}})
			if stock.Fault() != nil {
				return stock
			}
			body.Res.Returnval = append(body.Res.Returnval, stock.(*methods.QueryPerfBody).Res.Returnval...)
			continue
		}
		vm, ok := ctx.Map.Get(spec.Entity).(*VirtualMachine)
		if !ok {
			return &methods.QueryPerfBody{Fault_: Fault("", &types.ManagedObjectNotFound{Obj: spec.Entity})}
		}
		metrics, fault := p.ofVM(vm, spec)
		if fault != nil {
			return &methods.QueryPerfBody{Fault_: Fault("", fault)}
		}
		if metrics != nil {
			body.Res.Returnval = append(body.Res.Returnval, inFormat(metrics, spec.Format))
		}
	}
	return body
}

// tooMuch is the fault of a query for more metrics than the administrator allows. It is about rollups:
// vCenter has those in its database, while the 20-second samples come from the hosts.
func (p *PerformanceManager) tooMuch(ctx *Context, specs []types.PerfQuerySpec) *soap.Fault {
	most := limit
	if option := ctx.Map.OptionManager().find(limitKey); option != nil {
		_, _ = fmt.Sscan(fmt.Sprint(option.Value), &most)
	}
	asked := 0
	for _, spec := range specs {
		if spec.IntervalId != realtime {
			asked += max(1, len(spec.MetricId))
		}
	}
	if most < 0 || asked <= most {
		return nil
	}
	return Fault("This operation is restricted by the administrator - 'vpxd.stats.maxQueryMetrics'. "+
		"Contact your system administrator.", &types.RestrictedByAdministrator{Details: "vpxd.stats.maxQueryMetrics"})
}

func (p *PerformanceManager) ofVM(vm *VirtualMachine, spec types.PerfQuerySpec) (*types.PerfEntityMetric, types.BaseMethodFault) {
	interval, keptFor, level := spec.IntervalId, int32(realtimeFor), int32(4)
	if interval == 0 {
		interval = realtime
	}
	if interval != realtime {
		at := slices.IndexFunc(p.HistoricalInterval, func(h types.PerfInterval) bool { return h.SamplingPeriod == interval })
		if at < 0 {
			return nil, &types.InvalidArgument{InvalidProperty: "querySpec.interval"}
		}
		keptFor, level = p.HistoricalInterval[at].Length, p.HistoricalInterval[at].Level
	}
	running := vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
	if !running || gapOf(vm.Self) == "none" {
		return nil, nil
	}
	times := sampleTimes(spec, interval, keptFor)
	if len(times) == 0 {
		return nil, nil
	}
	metrics := &types.PerfEntityMetric{PerfEntityMetricBase: types.PerfEntityMetricBase{Entity: spec.Entity}}
	for _, at := range times {
		metrics.SampleInfo = append(metrics.SampleInfo, types.PerfSampleInfo{Timestamp: at, Interval: interval})
	}
	holes := gapOf(vm.Self) == "holes"
	for _, id := range p.asked(vm, spec.MetricId, level) {
		series := &types.PerfMetricIntSeries{PerfMetricSeries: types.PerfMetricSeries{Id: id}}
		load := loadOf(vm, p.perfCounterIndex[id.CounterId], id.Instance)
		for i, at := range times {
			value := load.at(at, interval)
			if holes && i%5 == 3 {
				value = -1
			}
			series.Value = append(series.Value, value)
		}
		metrics.Value = append(metrics.Value, series)
	}
	return metrics, nil
}

// sampleTimes are the ends of the intervals asked for, oldest first, as far back as they are kept.
func sampleTimes(spec types.PerfQuerySpec, interval, keptFor int32) []time.Time {
	step := time.Duration(interval) * time.Second
	newest := time.Now().UTC().Truncate(step)
	first, last := newest.Add(-time.Duration(keptFor)*time.Second+step), newest
	if spec.StartTime != nil && spec.StartTime.After(first) {
		first = spec.StartTime.UTC().Truncate(step).Add(step) // the start itself does not belong
	}
	if spec.EndTime != nil && spec.EndTime.Before(last) {
		last = spec.EndTime.UTC().Truncate(step)
	}
	var times []time.Time
	for at := first; !at.After(last); at = at.Add(step) {
		times = append(times, at)
	}
	// maxSample is for the 20-second samples; rollups do not heed it.
	if most := int(spec.MaxSample); interval == realtime && most > 0 && len(times) > most {
		times = times[len(times)-most:]
	}
	return times
}

// asked are the metrics that there are of those asked for: `*` is every instance, and none is all.
func (p *PerformanceManager) asked(vm *VirtualMachine, ids []types.PerfMetricId, level int32) []types.PerfMetricId {
	var found []types.PerfMetricId
	for _, has := range p.available(vm, level) {
		wanted := len(ids) == 0
		for _, id := range ids {
			same := id.Instance == has.Instance || id.Instance == "*"
			wanted = wanted || id.CounterId == has.CounterId && same
		}
		if wanted {
			found = append(found, has)
		}
	}
	return found
}

func inFormat(metrics *types.PerfEntityMetric, format string) types.BasePerfEntityMetricBase {
	if format != string(types.PerfFormatCsv) {
		return metrics
	}
	table := &types.PerfEntityMetricCSV{PerfEntityMetricBase: metrics.PerfEntityMetricBase}
	table.SampleInfoCSV = sampleInfoCSV(metrics)
	for _, each := range metrics.Value {
		series := each.(*types.PerfMetricIntSeries)
		table.Value = append(table.Value, types.PerfMetricSeriesCSV{
			PerfMetricSeries: series.PerfMetricSeries, Value: valueCSV(series),
		})
	}
	return table
}
