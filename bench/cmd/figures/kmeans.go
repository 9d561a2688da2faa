package main

import (
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"cloister/internal/engine/kmeans"
	"cloister/internal/engine/recordio"
)

//go:embed kmeans.py
var sklearn string

// What is clustered: blobs that overlap.
const (
	pointRows, pointDim, pointBlobs = 300_000, 32, 20
	clusterings                     = 5
)

// measureKMeans runs the built-in algorithm as its container does, from the start of the program to its end, and
// scikit-learn's over the same rows, read from a file of bare numbers: of the settings tried the quickest that gives
// centers as good. What Python's start and its imports take is not counted.
func (r *run) measureKMeans(ctx context.Context) error {
	dir := filepath.Join(r.work, "kmeans")
	raw, err := points(dir)
	if err != nil {
		return err
	}
	var ours, theirs []time.Duration
	var last clustering
	for i := range clusterings {
		began := time.Now()
		cmd := exec.CommandContext(ctx, r.daemon.binary, "algorithm", "kmeans", "train")
		cmd.Env = append(os.Environ(), "SAGEMAKER_BASE_DIR="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("kmeans: %w: %s", err, out)
		}
		ours = append(ours, time.Since(began))
		if err := writeCenters(dir); err != nil {
			return err
		}
		if last, err = peerClusters(ctx, raw, filepath.Join(dir, "centers"), i); err != nil {
			return err
		}
		theirs = append(theirs, time.Duration(last.Seconds*float64(time.Second)))
	}
	peer := fmt.Sprintf("MiniBatchKMeans(%s) %s", last.Settings, ms(median(theirs)))
	share := float64(median(theirs)) / float64(median(ours))
	r.table.add(fmt.Sprintf("K-Means, %d rows of %d, k=%d, at equal inertia", pointRows, pointDim, pointBlobs), spread(ours), "as fast", peer, fmt.Sprintf("%.2f", share), new(share >= 1))
	r.table.add("  its inertia", fmt.Sprintf("%.4g", last.Ours), "within 1 %", fmt.Sprintf("%.4g", last.Inertia), fmt.Sprintf("%.3f", last.Ours/last.Inertia), new(last.Ours <= 1.01*last.Inertia))
	return nil
}

// clustering is what the peer tells.
type clustering struct {
	Ours, Seconds, Inertia float64
	Reached                bool
	Settings               string
}

func peerClusters(ctx context.Context, raw, centers string, seed int) (c clustering, err error) {
	cmd := exec.CommandContext(ctx, "/usr/bin/python3", "-c", sklearn, raw, strconv.Itoa(pointRows), strconv.Itoa(pointDim), strconv.Itoa(pointBlobs), centers, strconv.Itoa(seed))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return c, fmt.Errorf("scikit-learn (Debian's python3-sklearn): %w", err)
	}
	return c, json.Unmarshal(out, &c)
}

// points writes the rows as the algorithm's channel has them, and as bare numbers.
func points(dir string) (raw string, err error) {
	random := rand.New(rand.NewPCG(7, 7))
	middles := make([]float64, pointBlobs*pointDim)
	for i := range middles {
		middles[i] = random.NormFloat64() * 2
	}
	var records, numbers []byte
	for i := range pointRows {
		row := make([]float32, pointDim)
		for j := range row {
			row[j] = float32(middles[i%pointBlobs*pointDim+j] + random.NormFloat64())
			numbers = binary.LittleEndian.AppendUint32(numbers, math.Float32bits(row[j]))
		}
		records = recordio.AppendFrame(records, recordio.Append(nil, recordio.Record{Features: map[string]recordio.Tensor{recordio.ValuesKey: {Kind: recordio.Float32, Float32s: row}}}))
	}
	raw = filepath.Join(dir, "points")
	for name, b := range map[string][]byte{
		"points": numbers, "input/data/train/points": records,
		"input/config/hyperparameters.json": fmt.Appendf(nil, `{"k":"%d","feature_dim":"%d"}`, pointBlobs, pointDim),
		"input/config/inputdataconfig.json": []byte(`{"train":{"TrainingInputMode":"File","ContentType":"application/x-recordio-protobuf","S3DistributionType":"FullyReplicated"}}`),
		"input/config/resourceconfig.json":  []byte(`{"current_host":"algo-1","hosts":["algo-1"]}`),
	} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(at, b, 0o644); err != nil {
			return "", err
		}
	}
	return raw, nil
}

// writeCenters writes a model's centers as bare numbers.
func writeCenters(dir string) error {
	file, err := os.ReadFile(filepath.Join(dir, "model", "model_algo-1"))
	if err != nil {
		return err
	}
	m, err := kmeans.DecodeModel(file)
	if err != nil {
		return err
	}
	var b []byte
	for _, v := range m.Centers {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return os.WriteFile(filepath.Join(dir, "centers"), b, 0o644)
}
