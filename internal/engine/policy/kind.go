package policy

import "fmt"

// Kind is a kind of policy: by what it is attached to, and so by what it may say and what it decides.
type Kind uint8

const (
	// NoPolicy stands in a Result that no policy decided: the account's root user is allowed without one.
	NoPolicy Kind = iota
	Identity
	Resource
	Boundary
	Session
	Endpoint
	SCP
	RCP
	Trust
	// Managed is an identity policy that stands by itself; only Check tells it from Identity.
	Managed
)

var kindNames = [...]string{
	"", "identity-based policy", "resource-based policy", "permissions boundary", "session policy", "VPC endpoint policy",
	"service control policy", "resource control policy", "role trust policy", "managed policy",
}

// String gives the words AWS uses for the kind in its sentences.
func (k Kind) String() string { return kindNames[k] }

// MarshalText makes a Kind a word in JSON.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no kind of policy", text)
}

// namesPrincipals tells whether statements of this kind say whom they are for.
func (k Kind) namesPrincipals() bool {
	return k == Resource || k == Trust || k == Endpoint || k == RCP
}

// ofOwner tells whether such policies are the resource owner's and not the caller's.
func (k Kind) ofOwner() bool { return k == Resource || k == Trust || k == RCP }

// Effect is the answer to a request.
type Effect uint8

const (
	ImplicitDeny Effect = iota // the zero value denies
	ExplicitDeny
	Allowed
	// Untold stands in a Report for what another account keeps to itself; no decision comes to it.
	Untold
)

var effectNames = [...]string{"ImplicitDeny", "ExplicitDeny", "Allowed", "Untold"}

func (e Effect) String() string { return effectNames[e] }

// MarshalText makes an Effect a word in JSON.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (e *Effect) UnmarshalText(text []byte) error {
	for i, name := range effectNames {
		if name == string(text) {
			*e = Effect(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no effect", text)
}
