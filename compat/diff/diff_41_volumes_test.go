package diff

import "testing"

// TestDiff41Volumes: a volume may be larger than the disk is, which AWS would not give.
func TestDiff41Volumes(t *testing.T) {
	w := work(t)
	resources, _ := w.train(t)["ResourceConfig"].(object)
	if resources["VolumeSizeInGB"] != float64(16384) { // more than this machine has
		t.Errorf("resources %v", resources)
	}
}
