package directory

import "slices"

// What hangs on what is asked here by who is about to take it away: it costs a walk through memory, and not the
// reading of every record while all others wait to write.

// Trusting gives the ARNs of the roles, of whatever account, whose trust policies name who has a unique id.
func (d *Directory) Trusting(id string) (roles []string) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for arn, r := range d.resource {
		if slices.Contains(r.of.Trusted, id) {
			roles = append(roles, arn)
		}
	}
	slices.Sort(roles)
	return roles
}

// Given tells whether a user, role or group has a managed policy, or a boundary is made of it.
func (d *Directory) Given(policy string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, p := range d.principal {
		if p.Boundary == policy || slices.Contains(p.Managed, policy) {
			return true
		}
	}
	for _, g := range d.group {
		if slices.Contains(g.Managed, policy) {
			return true
		}
	}
	return false
}

// Inhabited tells whether anybody is in a group.
func (d *Directory) Inhabited(group string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, p := range d.principal {
		if slices.Contains(p.Groups, group) {
			return true
		}
	}
	return false
}

// KeysOf is how many access keys a user has, or the root of an account for no user.
func (d *Directory) KeysOf(account, user string) (n int) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, k := range d.keys {
		if k.Account == account && k.Owner == user {
			n++
		}
	}
	return n
}
