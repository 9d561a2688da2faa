package organizations

import (
	"time"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/organizations"
)

// organization is one organisation and its root.
type organization struct {
	ID, Management, Root string
	Types                []string    // the enabled ones, in the order of enabling
	RootTags             []shape.Tag `json:",omitempty"`
}

// unit is an organisational unit. Parent is the root's id or a unit's.
type unit struct {
	Organization, ID, Parent, Name string
	Tags                           []shape.Tag `json:",omitempty"`
}

// member is an account in an organisation; the management account is one.
type member struct {
	Account, Organization, Parent, Name string
	Email                               string `json:",omitempty"` // accounts have one only by CreateAccount
	Method                              string // how it came: INVITED or CREATED
	Joined                              time.Time
	Tags                                []shape.Tag `json:",omitempty"`
}

// control is a service or resource control policy, and the ids of what it is attached to.
type control struct {
	Organization, ID, Kind, Name, Description, Document string
	AWS                                                 bool // one of AWS's, which no customer changes
	Targets                                             []string
	Tags                                                []shape.Tag `json:",omitempty"`
}

// creation is an account that is asked for, from the first record to the last.
type creation struct {
	Organization, ID, State, Reason, Account, Name, Email, Role string
	Requested, Completed                                        time.Time
	Tags                                                        []shape.Tag `json:",omitempty"`
}

// handshake is an invitation.
type handshake struct {
	Organization, Management, ID, State, Account, Notes string
	Requested, Expires                                  time.Time
	Tags                                                []shape.Tag `json:",omitempty"`
}

// An account is in one organisation at most, so members are keyed by account alone; organisations,
// and handshakes, whose two parties find them by id, are keyed by id, all else by organisation and id.
var (
	organizations = store.NewTable[organization]("organizations_organization")
	units         = store.NewTable[unit]("organizations_unit")
	members       = store.NewTable[member]("organizations_member")
	controls      = store.NewTable[control]("organizations_policy")
	creations     = store.NewTable[creation]("organizations_creation")
	handshakes    = store.NewTable[handshake]("organizations_handshake")
)

// The types of policy that there are.
const (
	scp = "SERVICE_CONTROL_POLICY"
	rcp = "RESOURCE_CONTROL_POLICY"
)

// full are the policies that AWS attaches to everything when a type is enabled, by type.
var full = map[string]control{
	scp: {ID: "p-FullAWSAccess", Kind: scp, Name: "FullAWSAccess", Description: "Allows access to every operation", AWS: true,
		Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
	rcp: {ID: "p-RCPFullAWSAccess", Kind: rcp, Name: "RCPFullAWSAccess", Description: "Allows access to every resource", AWS: true,
		Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`},
}

const (
	inProgress = shape.CreateAccountStateINPROGRESS
	succeeded  = shape.CreateAccountStateSUCCEEDED
	failed     = shape.CreateAccountStateFAILED
)

// The quotas (Organizations user guide; facts iam 5.1).
const (
	mostAttached = 5    // policies of a type at a target
	documentSize = 5120 // characters, white space too
	mostUnits    = 1000 // units of an organisation
	mostDepth    = 5    // units below each other
	mostPolicies = 1000 // policies of an organisation
	mostTags     = 50
	mostAccounts = 10 // accounts of an organisation, with those that are invited or being made
)
