package linux

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// read finds out what the kernel holds. A table that is not whole, or of another version, is removed
// and begun anew.
func (t *table) read() error {
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(t.namespace))
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	defer conn.CloseLasting()
	tables, err := conn.ListTables()
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	found := false
	for _, at := range tables {
		if at.Name == tableName && at.Family == nftables.TableFamilyIPv4 {
			found = true
			continue
		}
		conn.DelTable(at) // the namespace is ours alone
	}
	if !found {
		conn.AddTable(theTable)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("make table: %w", err)
	}
	t.have = newRuleset()
	if !found {
		return nil
	}
	if err := t.readSets(conn); err != nil {
		return err
	}
	if err := t.readChains(conn); err != nil {
		return err
	}
	return nil
}

func (t *table) readSets(conn *nftables.Conn) error {
	sets, err := conn.GetSets(theTable)
	if err != nil {
		return fmt.Errorf("list sets: %w", err)
	}
	for _, s := range sets {
		s.Table = theTable
		if s.Dynamic { // what is in it is the kernel's affair
			t.have.sets[s.Name] = set_{kind: kindOfSet(s)}
			continue
		}
		elements, err := conn.GetSetElements(s)
		if err != nil {
			return fmt.Errorf("read set %s: %w", s.Name, err)
		}
		got := set_{kind: kindOfSet(s), elements: make(map[string]string, len(elements))}
		for _, e := range elements {
			to := ""
			if got.kind == setTranslation {
				to = string(e.Val)
			} else if s.IsMap {
				if to, err = verdictChain(e.Val); err != nil {
					return fmt.Errorf("read set %s: %w", s.Name, err)
				}
			}
			got.elements[string(e.Key)] = to
		}
		t.have.sets[s.Name] = got
	}
	return nil
}

func kindOfSet(s *nftables.Set) setKind {
	switch {
	case s.Dynamic && s.HasTimeout:
		return setRated
	case s.Dynamic:
		return setCounted
	case s.IsMap && s.DataType.GetNFTMagic() == nftables.TypeIPAddr.GetNFTMagic():
		return setTranslation
	case s.IsMap && s.KeyType.Bytes == unix.IFNAMSIZ:
		return setLinkGo
	case s.IsMap:
		return setGo
	case s.KeyType.Bytes == unix.IFNAMSIZ:
		return setLink
	case s.KeyType.Bytes == unix.IFNAMSIZ+4:
		return setBound
	}
	return setAddress
}

// verdictChain takes the chain's name out of a verdict as the kernel writes it.
func verdictChain(raw []byte) (string, error) {
	ad, err := netlink.NewAttributeDecoder(raw)
	if err != nil {
		return "", err
	}
	name := ""
	for ad.Next() {
		if ad.Type() == unix.NFTA_VERDICT_CHAIN {
			name = ad.String()
		}
	}
	if err := ad.Err(); err != nil || name == "" {
		return "", fmt.Errorf("verdict %x: %w", raw, errStrange)
	}
	return name, nil
}

func (t *table) readChains(conn *nftables.Conn) error {
	chains, err := conn.ListChainsOfTableFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return fmt.Errorf("list chains: %w", err)
	}
	for _, c := range chains {
		if c.Table.Name != tableName {
			continue
		}
		rules, err := conn.GetRules(theTable, c)
		if err != nil {
			return fmt.Errorf("read chain %s: %w", c.Name, err)
		}
		got := chain{}
		if c.Hooknum != nil {
			got.hook = &hook{at: c.Hooknum, priority: c.Priority}
		}
		for _, r := range rules {
			text, _ := userdata.GetString(r.UserData, userdata.TypeComment)
			got.rules = append(got.rules, rule{text: text})
		}
		t.have.chains[c.Name] = got
	}
	return nil
}
