package sagemaker

import (
	"fmt"
	"strings"
	"testing"
)

// TestProcessingSurvivesEveryCrash stops the process at each outward call of a job in turn: one host that is
// isolated, two hosts of a VPC whose outputs go out meanwhile.
func TestProcessingSurvivesEveryCrash(t *testing.T) {
	for name, c := range map[string]struct {
		hosts    int32
		isolated bool
		mode     string
		want     string
	}{
		"alone": {1, true, "EndOfJob", "map[algo-1.csv:A sub/same.csv:algo-1]"},
		"two":   {2, false, "Continuous", "map[algo-1.csv:A algo-2.csv:A sub/same.csv:algo-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				if n > 200 {
					t.Fatal("the job never gets through")
				}
				crashed := false
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					m, s := processingWorld(t)
					in := processingRequest("job")
					in.ProcessingResources.ClusterConfig.InstanceCount, in.NetworkConfig.EnableNetworkIsolation = &c.hosts, &c.isolated
					in.ProcessingOutputConfig.Outputs[0].S3Output.S3UploadMode = &c.mode
					m.start(s, in)
					crashed = m.crashAt(s, n, func() bool { return *m.look(s, "job").ProcessingJobStatus == completed })
					s = m.service()
					m.run(s)
					if d := m.ended(s, "job"); *d.ProcessingJobStatus != completed || !strings.HasPrefix(text(d.ExitMessage), "done algo-1;") {
						t.Errorf("ended %s: %s", *d.ProcessingJobStatus, text(d.FailureReason))
					}
					if got := fmt.Sprint(m.outputs()); !strings.HasPrefix(got, c.want) { // whose file of one name stays is a race
						t.Error(got)
					}
					if c.hosts == 1 {
						m.once()
					}
				})
				if !crashed || t.Failed() {
					if n < 10 {
						t.Errorf("only %d calls were interrupted", n-1)
					}
					return
				}
			}
		})
	}
}
