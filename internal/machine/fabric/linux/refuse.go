package linux

import (
	"fmt"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"cloister/internal/value/network"
)

// Who refused a packet: the one who would have sent it, or the one who would have been given it, by
// the groups of its interface or the network ACL of its subnet. It is the prefix of what the kernel logs.
const (
	refusedSender   = "s"
	refusedReceiver = "r"
)

const (
	refusedGroup = 10   // of NFLOG, in the router's namespace
	refusedRate  = 1000 // packets a second that are told of, of each chain
	refusedPart  = 64   // bytes of a packet that are told: the headers
	refusedBatch = 32   // packets that are told together, if they come within refusedWait
	refusedWait  = 20   // hundredths of a second
)

// refuse ends a chain in which a packet is refused: it is dropped, and told of before that if the
// VPC's flows are logged. Every drop that a group, a network ACL or a closed port of an endpoint
// decides is made by it.
func refuse(v *network.VPC, who string) []rule {
	if !v.LogFlows {
		return []rule{new(line).drop()}
	}
	return []rule{new(line).tell(who), new(line).drop()}
}

// tell has the kernel report a packet, but never more than refusedRate in a second: the rest is
// refused all the same.
func (l *line) tell(who string) rule {
	return l.add(fmt.Sprintf("limit %d/s log %s", refusedRate, who),
		&expr.Limit{Type: expr.LimitTypePkts, Rate: refusedRate, Unit: expr.LimitTimeSecond, Burst: refusedRate},
		&expr.Log{Key: 1<<unix.NFTA_LOG_PREFIX | 1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_SNAPLEN | 1<<unix.NFTA_LOG_QTHRESHOLD,
			Data: []byte(who), Group: refusedGroup, Snaplen: refusedPart, QThreshold: refusedBatch}).rule()
}
