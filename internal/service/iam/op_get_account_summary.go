package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetAccountSummary", func(*api.Call, *struct{}) []api.Check {
	return []api.Check{{Action: "iam:GetAccountSummary", Resource: "*"}}
}, (*Service).getAccountSummary)

// getAccountSummary counts what the account has of each kind, and says how much it may have.
func (s *Service) getAccountSummary(ctx context.Context, c *api.Call, _ *struct{}) (*shape.GetAccountSummaryResponse, error) {
	n := map[string]int32{
		"UsersQuota": int32(perAccount[user]), "GroupsQuota": int32(perAccount[group]), "RolesQuota": int32(perAccount[role]), "InstanceProfilesQuota": int32(perAccount[profile]),
		"UserPolicySizeQuota": int32(inlineQuota[user]), "GroupPolicySizeQuota": int32(inlineQuota[group]), "RolePolicySizeQuota": int32(inlineQuota[role]),
		"PolicySizeQuota": policySize, "AssumeRolePolicySizeQuota": trustSize, "GroupsPerUserQuota": groupsPerUser, "AccessKeysPerUserQuota": keysPerUser,
		"AttachedPoliciesPerUserQuota": policiesPerEntity, "AttachedPoliciesPerGroupQuota": policiesPerEntity, "AttachedPoliciesPerRoleQuota": policiesPerEntity,
		"PoliciesQuota": 1500, "VersionsPerPolicyQuota": 5, "PolicyVersionsInUseQuota": 10000, "ServerCertificatesQuota": 20, "SigningCertificatesPerUserQuota": 2,
		"GlobalEndpointTokenVersion": 1,
		// What is not here.
		"ServerCertificates": 0, "MFADevices": 0, "MFADevicesInUse": 0, "AccountMFAEnabled": 0, "AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0,
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		for what, kind := range map[string]Kind{"Users": user, "Groups": group, "Roles": role, "InstanceProfiles": profile} {
			k, err := entities.Count(tx, store.Prefix(c.Account(), string(kind)))
			if err != nil {
				return err
			}
			n[what] = int32(k)
		}
		own, err := policies.All(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		n["Policies"] = int32(len(own))
		for _, p := range own {
			n["PolicyVersionsInUse"] += int32(len(p.whole().Versions))
		}
		trusted, err := providers.Count(tx, store.Prefix(c.Account()))
		if err != nil {
			return err
		}
		n["Providers"] = int32(trusted)
		keys, err := ownedBy(tx, c.Account(), "")
		n["AccountAccessKeysPresent"] = int32(min(len(keys), 1))
		return err
	})
	return &shape.GetAccountSummaryResponse{SummaryMap: n}, err
}
