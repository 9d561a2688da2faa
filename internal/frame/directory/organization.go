package directory

import (
	"strings"

	"cloister/internal/engine/policy"
)

// Organization is accounts under one management, and the policies that limit them.
type Organization struct {
	ID, Management string // o-…, and the account that no policy of the organisation limits
	// Parents leads to each account: the root's id, those of units, and the account itself.
	Parents map[string][]string
	// SCP and RCP are attached policies by what they are attached to. Nil where the organisation has not
	// enabled the type; a level without a policy allows nothing.
	SCP, RCP map[string][]policy.Attached
	// Names are the ARNs of its parts (root, units, accounts, policies) by their ids, by which the
	// management account's requests name them.
	Names map[string]string
}

// partOf gives the ARN of what the management account of an organisation calls by "arn:aws:organizations::",
// its own account and an id; nobody else is told what an id means. The lock is held.
func (d *Directory) partOf(short string) (string, bool) {
	account, id, _ := strings.Cut(short, ":")
	o := d.member[account]
	if o == nil || o.Management != account {
		return "", false
	}
	whole, ok := o.Names[id]
	return whole, ok
}

// SetOrganization puts or replaces an organisation, by id. The value must not be changed after.
func (d *Directory) SetOrganization(o *Organization) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(o.ID)
	for account := range o.Parents {
		d.member[account] = o
	}
}

// RemoveOrganization leaves its accounts in none.
func (d *Directory) RemoveOrganization(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(id)
}

func (d *Directory) forget(id string) {
	for account, o := range d.member {
		if o.ID == id {
			delete(d.member, account)
		}
	}
}

// Path is an account's, as aws:PrincipalOrgPaths has it: o-…/r-…/ou-…/. Of no organisation it is empty.
func (o *Organization) Path(account string) string {
	if o == nil {
		return ""
	}
	parents := o.Parents[account]
	return o.ID + "/" + strings.Join(parents[:len(parents)-1], "/") + "/"
}

func (o *Organization) scp() map[string][]policy.Attached {
	if o == nil {
		return nil
	}
	return o.SCP
}

func (o *Organization) rcp() map[string][]policy.Attached {
	if o == nil {
		return nil
	}
	return o.RCP
}

// levels are the policies from the root down to an account. The management account has none.
func (o *Organization) levels(by map[string][]policy.Attached, account string) [][]policy.Attached {
	if o == nil || by == nil || account == o.Management {
		return nil
	}
	parents := o.Parents[account]
	out := make([][]policy.Attached, 0, len(parents))
	for _, at := range parents {
		out = append(out, by[at])
	}
	return out
}
