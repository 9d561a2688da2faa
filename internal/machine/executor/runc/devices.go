package runc

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"tags.cncf.io/container-device-interface/pkg/cdi"
	"tags.cncf.io/container-device-interface/pkg/parser"
)

// devices reads the CDI files of the host as they are now.
func devices(dirs []string) (*cdi.Cache, error) {
	options := []cdi.Option{cdi.WithAutoRefresh(false)}
	if len(dirs) > 0 {
		options = append(options, cdi.WithSpecDirs(dirs...))
	}
	return cdi.NewCache(options...)
}

// Devices are the host's devices of a kind, as nvidia.com/gpu, that have a number: one name each, in order. CDI files in dirs
// say which there are; without dirs those of /etc/cdi and /var/run/cdi.
func Devices(kind string, dirs ...string) ([]string, error) {
	cache, err := devices(dirs)
	if err != nil {
		return nil, err
	}
	var out []string
	number := func(name string) int {
		n, err := strconv.Atoi(name[strings.LastIndexByte(name, '=')+1:])
		if err != nil {
			return -1
		}
		return n
	}
	for _, name := range cache.ListDevices() {
		if vendor, class, _, err := parser.ParseQualifiedName(name); err == nil && vendor+"/"+class == kind && number(name) >= 0 {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return out, nil
}

// inject gives a container its devices, with whatever their CDI files say belongs to them. Those files are the
// operator's: their hooks run on the host.
func (e *Executor) inject(bundle *specs.Spec, names []string) error {
	if len(names) == 0 {
		return nil
	}
	cache, err := devices(e.config.DeviceFiles)
	if err != nil {
		return err
	}
	if missing, err := cache.InjectDevices(bundle, names...); err != nil {
		return fmt.Errorf("devices %s: %w", strings.Join(missing, ", "), err)
	}
	return nil
}
