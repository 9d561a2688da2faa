package mesh

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// tableName is that of the fence's nftables table in a host's namespace.
const tableName = "cl-peer"

// fence makes the fence of a host in the namespace where the calling thread is, or replaces one that is there, in
// one step. What may pass between the hosts' own addresses is what the tunnel's socket sends, told by its
// mark; and what arrives for the tunnel's port, where WireGuard lets in what is sealed. From elsewhere nothing gets to that port,
// not from a program of the host either: the library queues whatever looks like the beginning of a session, a thousand packets
// at 64 KiB for each tunnel. The inner addresses are on the device only: a program can bind itself to another, which needs no privilege.
func fence(hosts []Host, own int) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	t := &nftables.Table{Name: tableName, Family: nftables.TableFamilyIPv4}
	c.AddTable(t)
	c.DelTable(t) // the first line makes sure that there is one
	c.AddTable(t)
	peers := &nftables.Set{Table: t, ID: 1, Name: "peers", KeyType: nftables.TypeIPAddr} // the library counts IDs for all threads, without a lock
	var elements []nftables.SetElement
	for i, h := range hosts {
		if i != own {
			elements = append(elements, nftables.SetElement{Key: h.Address.AsSlice()})
		}
	}
	if err := c.AddSet(peers, elements); err != nil {
		return err
	}
	f := &fencing{c, t, peers}
	out, in := f.chain("out", nftables.ChainHookOutput), f.chain("in", nftables.ChainHookInput)
	f.rule(out, expr.VerdictAccept, device(expr.MetaKeyOIFNAME, "lo"))
	f.rule(out, expr.VerdictAccept, f.peer(destination), marked())
	f.rule(out, expr.VerdictDrop, f.peer(destination))
	f.rule(out, expr.VerdictAccept, device(expr.MetaKeyOIFNAME, Device))
	f.rule(out, expr.VerdictDrop, inner(destination))
	f.rule(out, expr.VerdictDrop, inner(source))
	f.rule(in, expr.VerdictDrop, f.stranger(), sealed(), to(hosts[own].Address))
	f.rule(in, expr.VerdictAccept, device(expr.MetaKeyIIFNAME, "lo"))
	f.rule(in, expr.VerdictAccept, f.peer(source), sealed())
	f.rule(in, expr.VerdictDrop, f.peer(source))
	f.rule(in, expr.VerdictAccept, device(expr.MetaKeyIIFNAME, Device))
	f.rule(in, expr.VerdictDrop, inner(source))
	f.rule(in, expr.VerdictDrop, inner(destination))
	if err := c.Flush(); err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	return nil
}

// fencing is a fence that is being made.
type fencing struct {
	c     *nftables.Conn
	table *nftables.Table
	peers *nftables.Set
}

func (f *fencing) chain(name string, at *nftables.ChainHook) *nftables.Chain {
	return f.c.AddChain(&nftables.Chain{Name: name, Table: f.table, Type: nftables.ChainTypeFilter, Hooknum: at, Priority: nftables.ChainPriorityFilter})
}

func (f *fencing) rule(c *nftables.Chain, kind expr.VerdictKind, matches ...[]expr.Any) {
	var all []expr.Any
	for _, m := range matches {
		all = append(all, m...)
	}
	f.c.AddRule(&nftables.Rule{Table: f.table, Chain: c, Exprs: append(all, &expr.Verdict{Kind: kind})})
}

// side is where in an IPv4 header an address stands.
type side uint32

const (
	source      side = 12
	destination side = 16
)

func (s side) load() expr.Any {
	return &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: uint32(s), Len: 4}
}

// peer matches an address of another host.
func (f *fencing) peer(s side) []expr.Any {
	return []expr.Any{s.load(), &expr.Lookup{SourceRegister: 1, SetName: f.peers.Name, SetID: f.peers.ID}}
}

// stranger matches what no other host sends.
func (f *fencing) stranger() []expr.Any {
	return []expr.Any{source.load(), &expr.Lookup{SourceRegister: 1, SetName: f.peers.Name, SetID: f.peers.ID, Invert: true}}
}

func to(a netip.Addr) []expr.Any {
	return []expr.Any{destination.load(), &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: a.AsSlice()}}
}

// inner matches an address behind the devices.
func inner(s side) []expr.Any {
	mask := binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-Range.Bits()))
	return []expr.Any{
		s.load(), &expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: Range.Addr().AsSlice()},
	}
}

func device(key expr.MetaKey, name string) []expr.Any {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, name)
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: b}}
}

func marked() []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyMARK, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.NativeEndian.AppendUint32(nil, mark)}}
}

// sealed matches what is for the tunnel's port.
func sealed() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_UDP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, Port)},
	}
}
