package compat

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestKMeansOnSeveralHosts trains one model on two instances: over their group's own rule in a VPC,
// and over the network that isolated hosts have between them, these as SageMaker's library for Spark asks for it. The names of the
// image are AWS's.
func TestKMeansOnSeveralHosts(t *testing.T) {
	t.Parallel()
	d := own(t)
	d.provide(t)
	v := d.vpc(t)
	hyperparameters := `{"k":"10","feature_dim":"64","epochs":"2","mini_batch_size":"500"}`
	two := []string{"--resource-config", "InstanceType=ml.m5.large,InstanceCount=2,VolumeSizeInGB=1"}

	v.permit(t, v.group, "7077")
	open := v.job(t, "together", kmeans, hyperparameters, two...)
	isolated := v.job(t, "isolated", strings.TrimSuffix(kmeans, "1")+"latest", hyperparameters,
		append(two, "--enable-network-isolation", "--input-data-config", v.sparks(t))...)
	for _, job := range []string{open, isolated} {
		v.completed(t, job)
		log := strings.Join(v.log(t, job), "\n")
		for _, want := range []string{"#progress_metric: host=algo-1, completed 100.0 %", "#progress_metric: host=algo-2, completed 100.0 %", "#quality_metric: host=algo-2, train msd <loss>="} {
			if !strings.Contains(log, want) {
				t.Errorf("job %s: no %s in\n%s", job, want, log)
			}
		}
	}
	v.deploy(t, isolated, "together")
	asked := filepath.Join(t.TempDir(), "asked")
	if err := os.WriteFile(asked, []byte(records([]string{strings.Repeat("1,", 63) + "1", strings.Repeat("9,", 63) + "9"})), 0o600); err != nil {
		t.Fatal(err)
	}
	answer, err := d.signed(t, "sagemaker", "-H", "Content-Type: application/x-recordio-protobuf", "-H", "Accept: application/x-recordio-protobuf",
		"--data-binary", "@"+asked, "https://"+d.listen+"/endpoints/together/invocations")
	if err != nil || !strings.HasPrefix(answer, "\x0a\x23\xd7\xce") || strings.Count(answer, "closest_cluster") != 2 || strings.Count(answer, "distance_to_cluster") != 2 {
		t.Errorf("%v %q", err, answer)
	}
}

// sparks puts the digits as a cluster of Spark does, a file of records for each of its partitions, an empty one that says that all
// are there, and a manifest; and gives the channel of its estimator, which names no content type.
func (v *vpc) sparks(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(digits(t))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	v.put(t, "spark/part-00000.pbr", records(lines[:900]))
	v.put(t, "spark/part-00001.pbr", records(lines[900:]))
	v.put(t, "spark/_SUCCESS", "")
	v.put(t, "spark/manifest", `[{"prefix":"s3://`+bucket+`/spark/"},"part-00000.pbr","part-00001.pbr"]`)
	return `[{"ChannelName":"train","DataSource":{"S3DataSource":{"S3DataType":"ManifestFile","S3Uri":"s3://` + bucket + `/spark/manifest","S3DataDistributionType":"ShardedByS3Key"}}}]`
}

// records are rows as RecordIO-protobuf: each in a frame, with its features under the name values.
func records(rows []string) string {
	var out []byte
	field := func(n byte, b []byte) []byte {
		return append(binary.AppendUvarint([]byte{n<<3 | 2}, uint64(len(b))), b...)
	}
	for _, row := range rows {
		var numbers []byte
		for n := range strings.SplitSeq(row, ",") {
			x, _ := strconv.ParseFloat(n, 32)
			numbers = binary.LittleEndian.AppendUint32(numbers, math.Float32bits(float32(x)))
		}
		tensor := field(2, field(1, numbers)) // a value that is a tensor of 32-bit numbers
		record := field(1, append(field(1, []byte("values")), field(2, tensor)...))
		out = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(out, 0xced7230a), uint32(len(record)))
		out = append(append(out, record...), make([]byte, -len(record)&3)...)
	}
	return string(out)
}
