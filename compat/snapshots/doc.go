// Package snapshots examines the codec with what AWS's own SDK publishes: for every operation the
// request that it sends, and the answer that it reads, with every member filled.
//
// It promises that the codec loses no member of them. The SDK's code is neither compiled nor copied:
// its modules are fetched when the test runs and only their snapshot files are read.
package snapshots
