package linux

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// deleteGroup deletes all links of a group in a namespace with one message.
func deleteGroup(namespace int, group uint32) error {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: namespace})
	if err != nil {
		return err
	}
	defer c.Close()
	e := netlink.NewAttributeEncoder()
	e.Uint32(unix.IFLA_GROUP, group)
	body, err := e.Encode()
	if err != nil {
		return err
	}
	_, err = c.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_DELLINK, Flags: netlink.Request | netlink.Acknowledge},
		Data:   append(make([]byte, unix.SizeofIfInfomsg), body...),
	})
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete links: %w", err)
	}
	return nil
}
