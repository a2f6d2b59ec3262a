//go:build vendored

// Files of ours in the package of govmomi's storage policy service.
package simulator

import (
	"slices"
	"strings"

	"github.com/vmware/govmomi/pbm/methods"
	"github.com/vmware/govmomi/pbm/types"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	vim "github.com/vmware/govmomi/vim25/types"
)

// The stock service answers every question about who has which policy with nothing.

func kindOf(a simulator.Assignment) string {
	if a.Disk == 0 {
		return string(types.PbmObjectTypeVirtualMachine)
	}
	return string(types.PbmObjectTypeVirtualDiskId)
}

func profilesOf(ctx *simulator.Context, entity types.PbmServerObjectRef) []types.PbmProfileId {
	both := entity.ObjectType == string(types.PbmObjectTypeVirtualMachineAndDisks)
	var found []types.PbmProfileId
	for _, a := range simulator.Assignments(ctx) {
		this := kindOf(a) == entity.ObjectType && a.Key() == entity.Key
		id := types.PbmProfileId{UniqueId: a.Profile}
		if a.Profile != "" && (this || both && a.VM.Value == entity.Key) && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	return found
}

// PbmQueryAssociatedProfile answers the policies of one object.
func (m *ProfileManager) PbmQueryAssociatedProfile(ctx *simulator.Context, req *types.PbmQueryAssociatedProfile) soap.HasFault {
	return &methods.PbmQueryAssociatedProfileBody{
		Res: &types.PbmQueryAssociatedProfileResponse{Returnval: profilesOf(ctx, req.Entity)},
	}
}

// PbmQueryAssociatedProfiles answers the policies of several objects; one without any is left out.
func (m *ProfileManager) PbmQueryAssociatedProfiles(ctx *simulator.Context, req *types.PbmQueryAssociatedProfiles) soap.HasFault {
	res := new(types.PbmQueryAssociatedProfilesResponse)
	for _, entity := range req.Entities {
		if profiles := profilesOf(ctx, entity); len(profiles) != 0 {
			res.Returnval = append(res.Returnval, types.PbmQueryProfileResult{
				Object: entity, ProfileId: profiles,
			})
		}
	}
	return &methods.PbmQueryAssociatedProfilesBody{Res: res}
}

func (m *ProfileManager) entities(ctx *simulator.Context, profile, kind string) []types.PbmServerObjectRef {
	var found []types.PbmServerObjectRef
	for _, a := range simulator.Assignments(ctx) {
		if a.Profile == profile && (kind == "" || kind == kindOf(a)) {
			found = append(found, types.PbmServerObjectRef{
				ObjectType: kindOf(a), Key: a.Key(), ServerUuid: content.AboutInfo.InstanceUuid,
			})
		}
	}
	slices.SortFunc(found, func(a, b types.PbmServerObjectRef) int { return strings.Compare(a.Key, b.Key) })
	return found
}

func (m *ProfileManager) has(profile string) bool {
	return slices.ContainsFunc(m.profiles, func(p types.BasePbmProfile) bool {
		return p.GetPbmProfile().ProfileId.UniqueId == profile
	})
}

// PbmQueryAssociatedEntity answers the objects that have a policy.
func (m *ProfileManager) PbmQueryAssociatedEntity(ctx *simulator.Context, req *types.PbmQueryAssociatedEntity) soap.HasFault {
	if !m.has(req.Profile.UniqueId) {
		return &methods.PbmQueryAssociatedEntityBody{
			Fault_: simulator.Fault("", &vim.InvalidArgument{InvalidProperty: "profile"}),
		}
	}
	return &methods.PbmQueryAssociatedEntityBody{
		Res: &types.PbmQueryAssociatedEntityResponse{
			Returnval: m.entities(ctx, req.Profile.UniqueId, req.EntityType),
		},
	}
}

// PbmQueryAssociatedEntities answers the same of several policies, one row for each object.
func (m *ProfileManager) PbmQueryAssociatedEntities(ctx *simulator.Context, req *types.PbmQueryAssociatedEntities) soap.HasFault {
	res := new(types.PbmQueryAssociatedEntitiesResponse)
	for _, profile := range req.Profiles {
		for _, entity := range m.entities(ctx, profile.UniqueId, "") {
			res.Returnval = append(res.Returnval, types.PbmQueryProfileResult{
				Object: entity, ProfileId: []types.PbmProfileId{profile},
			})
		}
	}
	return &methods.PbmQueryAssociatedEntitiesBody{Res: res}
}
