// Package tunnel carries packets between a network device of this machine and a peer elsewhere, by
// WireGuard in this process.
//
// It promises that nothing but what a peer's key has sealed comes out of the device, and only from the
// networks that the peer was given. It must not know what a VPC is.
package tunnel

import _ "golang.zx2c4.com/wireguard/device"
