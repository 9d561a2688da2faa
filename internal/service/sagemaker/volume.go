package sagemaker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"cloister/internal/machine/disk"
)

const (
	// usualVolume is the size in GB of a volume of whose size nothing is said.
	usualVolume = 30
	// filesOfGB is how many files a volume has room for by GB: what ext4 gives.
	filesOfGB = 1 << 16
	// volumePause is the least time between two looks at a directory, volumeRest how many times as long as a look
	// takes the pause is. While the disk does not fill, volumeIdle pauses pass between looks: of many jobs, few write.
	volumePause = time.Second
	volumeRest  = 20
	volumeIdle  = 10
	// volumeShare is the part of what a volume has left by which the disk may fill before its directory is looked at.
	volumeShare = 4
	// reserveBytes and reserveFiles are what is to stay free on the machine's disk, for all that is no job; never
	// more than one part in reserveShare.
	reserveBytes = 1 << 30
	reserveFiles = 1 << 16
	reserveShare = 20
)

// volumes bound what jobs and instances keep on the machine's disk. Their directories are looked at again and
// again: what holds more than its volume has ends at once. When the disk is nearly full, so does what
// holds the most, if that helps: everybody else, and the server itself, would fail for it.
type volumes struct {
	gigabyte  int64
	filesOfGB int64
	pause     time.Duration
	free      func(string) (free, all disk.Usage, err error)

	mu   sync.Mutex
	used map[string]disk.Usage // by the id of a host or instance
}

func newVolumes() *volumes {
	return &volumes{gigabyte: 1 << 30, filesOfGB: filesOfGB, pause: volumePause, free: disk.Free, used: map[string]disk.Usage{}}
}

// size is that of a volume in bytes.
func (v *volumes) size(gb int32) int64 { return int64(cmp.Or(gb, usualVolume)) * v.gigabyte }

// fullVolume is the failure of what is not even asked to end.
type fullVolume struct{ *failure }

func (f *fullVolume) Unwrap() error { return f.failure }

func full(format string, args ...any) error {
	return &fullVolume{&failure{reason: fmt.Sprintf(format, args...)}}
}

// watch looks at a directory until it holds too much, or ctx is done.
func (v *volumes) watch(ctx context.Context, id, dir string, size int32) error {
	defer v.forget(id)
	for {
		began := time.Now()
		if err := v.look(ctx, id, dir, size); err != nil {
			return err
		}
		rest, free, allowed := volumeRest*time.Since(began), v.left(dir), v.allowed(id, size)
		for idle := volumeIdle; ; idle-- {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(v.pause):
			}
			now := v.left(dir)
			filled := free.Bytes-now.Bytes > allowed.Bytes || free.Files-now.Files > allowed.Files
			if rest -= v.pause; rest <= 0 && (filled || idle <= 1) || v.short(dir) != (disk.Usage{}) {
				break
			}
		}
	}
}

// look measures once.
func (v *volumes) look(ctx context.Context, id, dir string, size int32) error {
	used, err := v.holds(ctx, dir, size)
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.used[id] = used
	v.mu.Unlock()
	if missing := v.short(dir); missing != (disk.Usage{}) && v.burden(id, missing) {
		return full("CapacityError: No space left on the disk of this installation, of which this has the most.")
	}
	return nil
}

// holds is what is in a directory, or why that is too much. What could not be read counts as nothing.
func (v *volumes) holds(ctx context.Context, dir string, size int32) (disk.Usage, error) {
	size = cmp.Or(size, usualVolume)
	used, err := disk.Measure(ctx, dir)
	switch {
	case ctx.Err() != nil:
		return used, ctx.Err()
	case errors.Is(err, disk.ErrDeep):
		return used, full("ClientError: No space left on device: directories are nested too deep.")
	case used.Bytes > v.size(size):
		return used, full("ClientError: No space left on device: the files take more than the %d GB of the volume. Please provide a larger VolumeSizeInGB.", size)
	case used.Files > int64(size)*v.filesOfGB:
		return used, full("ClientError: No space left on device: there are more than %d files on a volume of %d GB.", int64(size)*v.filesOfGB, size)
	}
	return used, nil
}

func (v *volumes) forget(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.used, id)
}

// left is what the disk has free.
func (v *volumes) left(dir string) disk.Usage {
	free, _, err := v.free(path.Dir(dir))
	if err != nil {
		return disk.Usage{}
	}
	return free
}

// allowed is by how much the disk may fill before a directory is looked at again: whoever fills it, no more can have been put
// in there, unless somebody else removed as much.
func (v *volumes) allowed(id string, size int32) disk.Usage {
	v.mu.Lock()
	defer v.mu.Unlock()
	files := int64(cmp.Or(size, usualVolume)) * v.filesOfGB
	return disk.Usage{Bytes: (v.size(size) - v.used[id].Bytes) / volumeShare, Files: (files - v.used[id].Files) / volumeShare}
}

// short is how much less is free on the disk than is to be.
func (v *volumes) short(dir string) disk.Usage {
	free, all, err := v.free(path.Dir(dir))
	if err != nil {
		return disk.Usage{}
	}
	return disk.Usage{
		Bytes: max(0, min(reserveBytes, all.Bytes/reserveShare)-free.Bytes),
		Files: max(0, min(reserveFiles, all.Files/reserveShare)-free.Files),
	}
}

// burden tells whether nobody has more of what is missing, and its end would give it back.
func (v *volumes) burden(id string, missing disk.Usage) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	most := disk.Usage{}
	for _, u := range v.used {
		most.Bytes, most.Files = max(most.Bytes, u.Bytes), max(most.Files, u.Files)
	}
	own := v.used[id]
	return missing.Bytes > 0 && own.Bytes == most.Bytes && own.Bytes >= missing.Bytes ||
		missing.Files > 0 && own.Files == most.Files && own.Files >= missing.Files
}

// watchVolume watches the directory of a host.
func (r *jobRun) watchVolume(ctx context.Context, host int) error {
	return r.volumes.watch(ctx, r.st().Hosts[host].ID, r.dir(host), r.plan.Volume)
}

// overfull is why the hosts' directories hold too much, if they do. What is written right before
// the end nobody may have seen yet.
func (r *jobRun) overfull(ctx context.Context) error {
	for i := range r.st().Hosts {
		if _, err := r.volumes.holds(ctx, r.dir(i), r.plan.Volume); err != nil {
			return err
		}
	}
	return nil
}

// deepest is how many directories in each other are brought out: more than a key of S3 has room for, and not so many
// that nobody comes to an end.
const deepest = 512

func tooDeep(name string) error {
	if strings.Count(name, "/") < deepest {
		return nil
	}
	return fails("ClientError: Artifact upload failed:The container left directories that are nested deeper than %d", deepest)
}
