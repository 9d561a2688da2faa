package linux

// endpointSegment is the largest TCP segment that an endpoint takes and sends: its packets have 8500
// bytes, where an interface's may have 9001. The listener's socket says so to each client in its first
// answer, and keeps to it itself; so no client's kernel makes a larger packet, and none needs to be
// dropped. The ruleset could not tell one: what it sees of a client may be many segments in one piece,
// which the link's driver would cut.
const endpointSegment = 8500 - 40
