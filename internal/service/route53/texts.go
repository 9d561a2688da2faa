package route53

import (
	"strings"

	"cloister/internal/machine/store"
)

// TXT gives the texts that an account's hosted zones have for a name: by them the owner of a domain is
// known.
func (s *Service) TXT(tx *store.Tx, account, name string) (out []string, err error) {
	name = strings.ToLower(strings.TrimSuffix(name, ".")) + "."
	all, err := zones.All(tx.In(home), store.Prefix(account))
	for _, z := range all {
		if name != z.Name && !strings.HasSuffix(name, "."+z.Name) {
			continue
		}
		r, err := records.Get(tx.In(home), recordKey(z.ID, name, "TXT"))
		if err != nil {
			return nil, err
		}
		if r != nil {
			for _, v := range r.Values {
				out = append(out, unquoted(v))
			}
		}
	}
	return out, err
}

// unquoted joins the quoted parts of a TXT value.
func unquoted(v string) string {
	var b strings.Builder
	in := false
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '"':
			in = !in
		case v[i] == '\\' && i+1 < len(v):
			i++
			b.WriteByte(v[i])
		case in:
			b.WriteByte(v[i])
		}
	}
	return b.String()
}
