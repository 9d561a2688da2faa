package policy

// Denial is a statement that denies a request, as written.
type Denial struct {
	Sid                    string
	NotAction, NotResource bool
	Actions, Resources     []string
	Conditions             []Wanted
}

// Wanted is one key of a statement's conditions with the values it is compared with.
type Wanted struct {
	Key    string
	Values []string
}

// Denials are the statements that deny, of the documents that an account may read.
func (d *Decision) Denials(account string) (out []Denial) {
	told := d.Report().Policies
	for _, c := range d.consulted {
		for i := range c.list {
			p := &told[i]
			for j := range p.Statements {
				if s := &c.list[i].Document.statements[j]; p.Statements[j].Matched && !s.allow && (p.Owner == "" || p.Owner == account) {
					out = append(out, s.denial())
				}
			}
		}
		told = told[len(c.list):]
	}
	return out
}

func (s *statement) denial() Denial {
	d := Denial{Sid: s.sid, NotAction: s.notAction, NotResource: s.notResource}
	for i := range s.actions {
		d.Actions = append(d.Actions, s.actions[i].written)
	}
	for i := range s.resources {
		d.Resources = append(d.Resources, s.resources[i].written)
	}
	for i := range s.conditions {
		w := Wanted{Key: s.conditions[i].key.text}
		for j := range s.conditions[i].operands {
			w.Values = append(w.Values, s.conditions[i].operands[j].written)
		}
		d.Conditions = append(d.Conditions, w)
	}
	return d
}
