package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloister/internal/machine/disk"
	"cloister/internal/machine/executor/memory"
)

// hog is a program that does to its disk what its hyperparameter "do" says, and then does not listen when it is told to end.
func hog(ctx context.Context, p memory.Process) int {
	settings, _ := os.ReadFile(p.Path("/opt/ml/input/config/hyperparameters.json"))
	do := func(what string) bool { return strings.Contains(string(settings), `"do":"`+what) }
	at := p.Path("/opt/ml/model")
	switch {
	case do("bytes"):
		os.WriteFile(at+"/large", make([]byte, 2<<20), 0o644)
	case do("deep"): // all at once: nobody finds the first of them too large, and none comes when the job is gone
		made, err := os.MkdirTemp("", "deep")
		if err != nil {
			return 1
		}
		defer os.RemoveAll(made)
		os.MkdirAll(made+"/deep"+strings.Repeat("/a", 600), 0o755)
		os.Rename(made+"/deep", at+"/deep")
	case do("holes"):
		os.WriteFile(at+"/holes", nil, 0o644)
		os.Truncate(at+"/holes", 1<<40)
	}
	if do("bytes and end") || do("holes") {
		return 0
	}
	<-ctx.Done()
	return 137
}

// smallVolumes is a world whose gigabytes are a megabyte each.
func smallVolumes(t *testing.T) (*world, *Service) {
	w, _ := trainingWorld(t)
	w.exec = memory.New(map[string]memory.Program{"program": hog})
	s := w.service()
	s.volumes.gigabyte, s.volumes.pause = 1<<20, 5*time.Millisecond
	return w, s
}

func TestAFullVolumeEndsTheJobAtOnce(t *testing.T) {
	for do, want := range map[string]string{
		"bytes":         "ClientError: No space left on device: the files take more than the 1 GB of the volume.",
		"bytes and end": "ClientError: No space left on device: the files take more than the 1 GB of the volume.",
		"deep":          "ClientError: No space left on device: directories are nested too deep.",
	} {
		t.Run(do, func(t *testing.T) {
			w, s := smallVolumes(t)
			r := trainingRequest("job")
			r.HyperParameters["do"], r.ResourceConfig.VolumeSizeInGB = do, new(int32(1))
			w.begin(s, r)
			w.run(s)
			// The grace is two minutes: that the end comes shows that nobody waits for it.
			if d := w.ended(s, "job"); *d.TrainingJobStatus != failed || !strings.HasPrefix(text(d.FailureReason), want) {
				t.Errorf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
			}
			w.until("its directory is gone", func() bool {
				left, err := os.ReadDir(w.dir + "/jobs")
				return err == nil && len(left) == 0
			})
			w.empty()
		})
	}
}

// TestTheGraceIsNoTimeToFillTheDisk fills it when the job was asked to stop.
func TestTheGraceIsNoTimeToFillTheDisk(t *testing.T) {
	w, _ := smallVolumes(t)
	w.exec = memory.New(map[string]memory.Program{"program": func(ctx context.Context, p memory.Process) int {
		<-p.Terminate
		os.WriteFile(p.Path("/opt/ml/model/large"), make([]byte, 2<<20), 0o644)
		<-ctx.Done()
		return 137
	}})
	s := w.service()
	s.volumes.gigabyte, s.volumes.pause = 1<<20, 5*time.Millisecond
	r := trainingRequest("job")
	r.ResourceConfig.VolumeSizeInGB = new(int32(1))
	w.begin(s, r)
	w.run(s)
	w.until("it trains", func() bool { return *w.describe(s, "job").SecondaryStatus == training })
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("job")); err != nil {
		t.Fatal(err)
	}
	if d := w.ended(s, "job"); *d.TrainingJobStatus != stopped {
		t.Errorf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
}

// TestInputsThatDoNotFit fail while they come.
func TestInputsThatDoNotFit(t *testing.T) {
	w, s := smallVolumes(t)
	w.s3.put("data/digits/large", make([]byte, 2<<20))
	w.s3.put("data/digits/z", []byte("last"))
	w.s3.stored = nil
	r := trainingRequest("job")
	r.HyperParameters["do"], r.ResourceConfig.VolumeSizeInGB = "nothing", new(int32(1))
	w.begin(s, r)
	w.run(s)
	d := w.ended(s, "job")
	if *d.TrainingJobStatus != failed || !strings.Contains(text(d.FailureReason), "No space left on device: the files take more than the 1 GB of the volume.") {
		t.Errorf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
}

// TestHolesAreNotBroughtOut: a file may be as long as no disk is.
func TestHolesAreNotBroughtOut(t *testing.T) {
	for _, compression := range []string{"NONE", "GZIP"} {
		w, s := smallVolumes(t)
		r := trainingRequest("job")
		r.HyperParameters["do"], r.OutputDataConfig.CompressionType = "holes", &compression
		w.begin(s, r)
		w.run(s)
		d := w.ended(s, "job")
		if *d.TrainingJobStatus != failed || !strings.Contains(text(d.FailureReason), "Artifact upload failed:Insufficient disk space") {
			t.Errorf("%s: %s: %s", compression, *d.TrainingJobStatus, text(d.FailureReason))
		}
	}
}

func TestVolumesHaveRoomForSoManyFiles(t *testing.T) {
	v, dir := newVolumes(), t.TempDir()
	for i := range 30 {
		if err := os.WriteFile(fmt.Sprintf("%s/%d", dir, i), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.holds(t.Context(), dir, 1); err != nil {
		t.Error(err)
	}
	var no *failure
	v.filesOfGB = 20
	if _, err := v.holds(t.Context(), dir, 1); !errors.As(err, &no) || !strings.Contains(no.reason, "more than 20 files") {
		t.Error(err)
	}
}

// TestTheDiskIsKeptForTheOthers: when it is nearly full, what has the most of it goes, and nothing small.
func TestTheDiskIsKeptForTheOthers(t *testing.T) {
	v := newVolumes()
	free := disk.Usage{Bytes: 10 << 30, Files: 1 << 20}
	v.free = func(string) (disk.Usage, disk.Usage, error) {
		return free, disk.Usage{Bytes: 100 << 30, Files: 1 << 24}, nil
	}
	dirs := map[string]string{}
	for id, size := range map[string]int{"large": 1 << 20, "small": 64 << 10} {
		dirs[id] = t.TempDir()
		if err := os.WriteFile(dirs[id]+"/file", make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	look := func(id string) error { return v.look(t.Context(), id, dirs[id], 1) }
	for _, step := range []struct {
		free         int64
		large, small bool
	}{
		{10 << 30, false, false},
		{1<<30 - 512<<10, true, false},
		{1<<30 - 64<<20, false, false}, // nobody's end would help
	} {
		free.Bytes = step.free
		for id, ends := range map[string]bool{"small": step.small, "large": step.large} {
			var no *fullVolume
			if err := look(id); errors.As(err, &no) != ends {
				t.Errorf("%d bytes free: %s: %v", step.free, id, err)
			} else if ends && !strings.HasPrefix(no.reason, "CapacityError: ") {
				t.Error(no.reason)
			}
		}
	}
	free = disk.Usage{Bytes: 10 << 30, Files: reserveFiles - 1}
	if err := look("large"); err == nil {
		t.Error("the last inode may be used")
	}
	v.free = func(string) (disk.Usage, disk.Usage, error) { return free, free, syscall.EIO }
	if err := look("large"); err != nil {
		t.Errorf("nobody knows what is free: %v", err)
	}
}

// TestAnInstanceThatFillsItsVolumeStartsAfresh finds the model, and nothing else, where it was full.
func TestAnInstanceThatFillsItsVolumeStartsAfresh(t *testing.T) {
	w, s := hostingWorld(t)
	s.volumes.gigabyte, s.volumes.pause = 64<<10, 5*time.Millisecond // thirty of them
	w.deployable(s, "full", "", 1)
	w.create(s, "full", "full")
	w.run(s)
	w.status(s, "full", inService)
	dirs, err := os.ReadDir(w.dir + "/jobs")
	if err != nil || len(dirs) != 1 {
		t.Fatalf("%v %v", dirs, err)
	}
	ml := w.dir + "/jobs/" + dirs[0].Name() + "/ml"
	if err := os.WriteFile(ml+"/large", make([]byte, 4<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	w.until("the directory is as at first", func() bool {
		_, gone := os.Stat(ml + "/large")
		_, model := os.Stat(ml + "/model/weights")
		return errors.Is(gone, os.ErrNotExist) && model == nil
	})
	w.until("it serves again", func() bool {
		places := w.places("full")
		if len(places) != 1 {
			return false
		}
		status, err := w.post(places[0], "/invocations")
		return err == nil && status == 200
	})
	w.deleteEndpoint(s, "full")
	w.status(s, "full", "gone")
}
