package linux

import (
	"os"
	"path/filepath"
)

// NamespacePath is Fabric.Namespace for a process beside the fabric's: the path of the namespace of
// an interface, an isolated id or an internet host in an instance's directory, empty when there is
// none.
func NamespacePath(directory, id string) string {
	for _, kind := range []string{kindInterface, kindHost, kindIsolated} {
		path := filepath.Join(directory, "netns", fileName(kind, id))
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}
