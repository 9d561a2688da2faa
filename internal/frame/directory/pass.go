package directory

import (
	"encoding/json"
	"fmt"
	"time"

	"cloister/internal/value/caller"
)

// Pass seals who somebody is, for one purpose and until a time: whoever shows it is taken for that caller, as long
// as the user or role is still there. Nothing is written, and a restart forgets nothing.
func (d *Directory) Pass(purpose string, id caller.Identity, expires time.Time) (string, error) {
	s := session{Identity: id, Expires: expires.UTC()}
	if p := d.Principal(issuer(&id)); p != nil {
		s.RoleID = p.ID
	}
	text, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("make pass: %w", err)
	}
	return d.Seal("pass "+purpose, text), nil
}

// Passed gives whose a pass is. A pass that a long-term key was shown for ends with that key.
func (d *Directory) Passed(purpose, pass string) (caller.Identity, error) {
	text, err := d.Open("pass "+purpose, pass)
	if err != nil {
		return caller.Identity{}, ErrBadToken
	}
	var s session
	if err := json.Unmarshal(text, &s); err != nil {
		return caller.Identity{}, ErrBadToken
	}
	if !d.clock().Before(s.Expires) {
		return caller.Identity{}, ErrExpired
	}
	id := s.Identity
	if s.RoleID != "" {
		if p := d.Principal(issuer(&id)); p == nil || p.ID != s.RoleID {
			return caller.Identity{}, ErrBadToken
		}
	}
	if id.AccessKey != "" && !id.Session {
		if _, _, err := d.Secret(id.AccessKey, ""); err != nil {
			return caller.Identity{}, ErrBadToken
		}
	}
	return id, nil
}

// issuer is the ARN of the user or role without whom there is no such caller.
func issuer(id *caller.Identity) string {
	if id.Kind == caller.FederatedUser {
		return id.Issuer
	}
	return id.PrincipalARN
}

// RegistryPass is the purpose of passwords of a region's registries.
func RegistryPass(region string) string { return "registry " + region }

// LayerPass is the purpose of a pass for the one layer that lies at a path.
func LayerPass(region, path string) string { return "layer " + region + " " + path }
