package linux

import (
	"errors"

	"github.com/vishvananda/netlink"
)

// whole asks the kernel for a list until nothing changed while it was told: a namespace's links may be
// dying while it is looked at.
func whole[T any](list func() (T, error)) (all T, err error) {
	for range 20 {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}
