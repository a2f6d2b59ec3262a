//go:build vendored

package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Small things of the stock simulator that lose what they are told, or have no way to be told.

// SetEntityPermissions also shows the permissions on the entity, and of which entity they are.
func (m *AuthorizationManager) SetEntityPermissions(ctx *Context, req *types.SetEntityPermissions) soap.HasFault {
	for i := range req.Permission {
		req.Permission[i].Entity = &req.Entity
	}
	if entity, ok := ctx.Map.Get(req.Entity).(mo.Entity); ok {
		ctx.WithLock(entity, func() { entity.Entity().Permission = req.Permission })
	}
	return m.stockSetEntityPermissions(req)
}

// GetAlarm answers the alarms that are defined on an entity; on none, all of them.
func (m *AlarmManager) GetAlarm(ctx *Context, req *types.GetAlarm) soap.HasFault {
	body := &methods.GetAlarmBody{Res: new(types.GetAlarmResponse)}
	for _, ref := range m.GetAlarmResponse.Returnval {
		alarm, ok := ctx.Map.Get(ref).(*Alarm)
		if ok && (req.Entity == nil || alarm.Info.Entity == *req.Entity) {
			body.Res.Returnval = append(body.Res.Returnval, ref)
		}
	}
	return body
}

// An opaque network is NSX's to make: no call of vCenter's API does. This endpoint does it for tests.
func init() {
	RegisterEndpoint(func(s *Service, r *Registry) {
		s.ServeMux.HandleFunc("POST /mtv/opaque-networks", func(w http.ResponseWriter, req *http.Request) {
			var said struct{ Datacenter, Name, ID, Type string }
			text, err := io.ReadAll(req.Body)
			if err == nil {
				err = json.Unmarshal(text, &said)
			}
			if err == nil {
				err = addOpaqueNetwork(s.Context, said.Datacenter, said.Name, said.ID, said.Type)
			}
			answer(w, err)
		})
	})
}

func addOpaqueNetwork(ctx *Context, datacenter, name, id, kind string) error {
	for _, entity := range ctx.Map.All("Datacenter") {
		dc := entity.(*Datacenter)
		if dc.Name != datacenter {
			continue
		}
		folder := ctx.Map.Get(dc.NetworkFolder).(*Folder)
		err := folder.AddOpaqueNetwork(ctx, types.OpaqueNetworkSummary{
			NetworkSummary: types.NetworkSummary{Name: name}, OpaqueNetworkId: id, OpaqueNetworkType: kind,
		})
		if err != nil {
			return err
		}
		network := ctx.Map.FindByName(name, folder.ChildEntity).(*mo.OpaqueNetwork)
		if !slices.Contains(dc.Network, network.Self) {
			ctx.Map.AppendReference(ctx, dc, &dc.Network, network.Self)
		}
	}
	return nil
}
