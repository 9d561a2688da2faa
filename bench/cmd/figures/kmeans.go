package main

import (
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cloister/internal/engine/recordio"
)

const (
	// Rows of so many features around many more places than there are clusters to find: with fewer
	// every start finds the same.
	clusterRows, clusterFeatures = 200_000, 64
	clusterPlaces, clusterK      = 300, 100
	clusterRounds, clusterTries  = 3, 3
	judgedRows                   = 50_000 // for the inertia
	// equalInertia is up to where one is called equal: seeds differ by more.
	equalInertia = 1.002
)

//go:embed kmeans.py
var kmeansPeer []byte

// clustering is one way of scikit-learn and the hyperparameters of ours that stand beside it.
type clustering struct {
	told   string
	peer   []string
	ours   map[string]string
	oursIn string
}

var clusterings = []clustering{
	{"scikit-learn as it comes", nil, map[string]string{"extra_center_factor": "1", "init_method": "kmeans++"}, "no extra centers"},
	{"scikit-learn, 1 epoch of 5,000 at once", []string{"n_init=1", "batch_size=5000", "max_no_improvement=None", "max_iter=1"},
		map[string]string{"extra_center_factor": "1", "init_method": "kmeans++", "epochs": "3"}, "no extra centers, 3 epochs"},
	{"scikit-learn, 10 epochs of 5,000 at once", []string{"n_init=1", "batch_size=5000", "max_no_improvement=None", "max_iter=10"}, nil, "as it comes"},
}

// fitted are the times of one side and the inertia of what it found, round by round.
type fitted struct {
	took    []time.Duration
	inertia []float64
}

// measureKMeans trains the built-in K-Means, its program as a container runs it, and scikit-learn's
// MiniBatchKMeans on the same rows, other rows each round.
func (r *run) measureKMeans(ctx context.Context) error {
	const python = "/usr/bin/python3" // Debian's, whose package python3-sklearn is
	if err := exec.CommandContext(ctx, python, "-c", "import sklearn").Run(); err != nil {
		fmt.Fprint(os.Stderr, "(without scikit-learn: python3-sklearn is not here) ")
		return nil
	}
	script := filepath.Join(r.work, "kmeans.py")
	if err := os.WriteFile(script, kmeansPeer, 0o600); err != nil {
		return err
	}
	ours, theirs := make([]fitted, len(clusterings)), make([]fitted, len(clusterings))
	for round := range clusterRounds {
		d, err := makeClusterData(filepath.Join(r.work, "kmeans"), uint64(round))
		if err != nil {
			return err
		}
		for i, c := range clusterings {
			if err := ours[i].note(d, func() (time.Duration, []float32, error) { return d.fitOurs(ctx, r.daemon.binary, c.ours) }); err != nil {
				return err
			}
			if err := theirs[i].note(d, func() (time.Duration, []float32, error) {
				return d.fitTheirs(ctx, append([]string{python, script}, c.peerArgs(d, round)...))
			}); err != nil {
				return err
			}
		}
	}
	for i, c := range clusterings {
		speed, quality := ratios(ours[i].took, theirs[i].took), ratios(theirs[i].inertia, ours[i].inertia)
		r.table.add("K-Means, "+c.oursIn+": 200,000 rows of 64, k 100", fmt.Sprintf("%s, inertia %.3f", ms(median(ours[i].took)), median(ours[i].inertia)), "≥ 1 at no more inertia",
			fmt.Sprintf("%s: %s, inertia %.3f", c.told, ms(median(theirs[i].took)), median(theirs[i].inertia)), fmt.Sprintf("%.2f", speed), new(speed >= 1 && quality <= equalInertia))
	}
	return nil
}

// ratios is the median over rounds of theirs by ours.
func ratios[T float64 | time.Duration](ours, theirs []T) float64 {
	var all []float64
	for i := range ours {
		all = append(all, float64(theirs[i])/float64(ours[i]))
	}
	return median(all)
}

// note fits several times, of which the quickest counts: neighbours only ever add.
func (f *fitted) note(d *clusterData, fit func() (time.Duration, []float32, error)) error {
	var centers []float32
	least := time.Duration(math.MaxInt64)
	for range clusterTries {
		took, found, err := fit()
		if err != nil {
			return err
		}
		least, centers = min(least, took), found
	}
	if len(centers) != clusterK*clusterFeatures {
		return fmt.Errorf("%d numbers are not %d centers", len(centers), clusterK)
	}
	f.took, f.inertia = append(f.took, least), append(f.inertia, d.inertia(centers))
	return nil
}

// clusterData is the same rows as RecordIO for us, in /opt/ml's layout, and as plain numbers for NumPy.
type clusterData struct {
	root, plain, centers string
	judged               []float32
}

func makeClusterData(root string, seed uint64) (*clusterData, error) {
	d := &clusterData{root: root, plain: filepath.Join(root, "rows.f32"), centers: filepath.Join(root, "centers.f32")}
	for _, dir := range []string{"input/config", "input/data/train"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			return nil, err
		}
	}
	rows := clusterRowsOf(seed)
	d.judged = rows[:judgedRows*clusterFeatures]
	var plain, framed []byte
	for i := range clusterRows {
		row := rows[i*clusterFeatures : (i+1)*clusterFeatures]
		for _, v := range row {
			plain = binary.LittleEndian.AppendUint32(plain, math.Float32bits(v))
		}
		framed = recordio.AppendFrame(framed, recordio.Append(nil, recordio.Record{Features: map[string]recordio.Tensor{recordio.ValuesKey: {Kind: recordio.Float32, Float32s: row}}}))
	}
	channels := `{"train":{"TrainingInputMode":"File","ContentType":"application/x-recordio-protobuf","S3DistributionType":"FullyReplicated"}}`
	return d, errors.Join(os.WriteFile(d.plain, plain, 0o600), os.WriteFile(filepath.Join(root, "input/data/train/rows"), framed, 0o600),
		os.WriteFile(filepath.Join(root, "input/config/inputdataconfig.json"), []byte(channels), 0o600))
}

func clusterRowsOf(seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 0))
	places := make([]float64, clusterPlaces*clusterFeatures)
	for i := range places {
		places[i] = random.NormFloat64()
	}
	rows := make([]float32, clusterRows*clusterFeatures)
	for i := range clusterRows {
		// Some places have many times the rows of others.
		at := int(clusterPlaces * random.Float64() * math.Sqrt(random.Float64()))
		for j := range clusterFeatures {
			rows[i*clusterFeatures+j] = float32(places[at*clusterFeatures+j] + 0.7*random.NormFloat64())
		}
	}
	return rows
}

// fitOurs runs the container's program from start to end: reading, training, writing the model.
func (d *clusterData) fitOurs(ctx context.Context, binaryPath string, further map[string]string) (time.Duration, []float32, error) {
	hyper := map[string]string{"k": strconv.Itoa(clusterK), "feature_dim": strconv.Itoa(clusterFeatures)}
	for name, value := range further {
		hyper[name] = value
	}
	text, err := json.Marshal(hyper)
	if err != nil {
		return 0, nil, err
	}
	if err := os.WriteFile(filepath.Join(d.root, "input/config/hyperparameters.json"), text, 0o600); err != nil {
		return 0, nil, err
	}
	command := exec.CommandContext(ctx, binaryPath, "algorithm", "kmeans", "train")
	command.Env = append(os.Environ(), "SAGEMAKER_BASE_DIR="+d.root)
	began := time.Now()
	out, err := command.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %s", err, out)
	}
	model, err := os.ReadFile(filepath.Join(d.root, "model/model_algo-1"))
	if err != nil {
		return 0, nil, err
	}
	// The last of a model's file are its numbers, and 8 bytes that say that it has no names.
	numbers := 4 * clusterK * clusterFeatures
	if len(model) < numbers+8 {
		return 0, nil, fmt.Errorf("a model of %d bytes", len(model))
	}
	return took, floats(model[len(model)-8-numbers : len(model)-8]), nil
}

func (c clustering) peerArgs(d *clusterData, round int) []string {
	return append([]string{d.plain, strconv.Itoa(clusterFeatures), strconv.Itoa(clusterK), strconv.Itoa(round), d.centers}, c.peer...)
}

// fitTheirs takes the time that the peer itself tells: without its start, which is longer.
func (d *clusterData) fitTheirs(ctx context.Context, command []string) (time.Duration, []float32, error) {
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %s", err, out)
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return 0, nil, err
	}
	centers, err := os.ReadFile(d.centers)
	return time.Duration(seconds * 1e9), floats(centers), err
}

func floats(b []byte) []float32 {
	list := make([]float32, len(b)/4)
	for i := range list {
		list[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return list
}

// inertia is the mean squared distance of some of the rows from their nearest centers, worked out
// the plain way.
func (d *clusterData) inertia(centers []float32) float64 {
	total := 0.0
	for i := 0; i < len(d.judged); i += clusterFeatures {
		row, least := d.judged[i:i+clusterFeatures], float32(math.MaxFloat32)
		for c := 0; c < len(centers); c += clusterFeatures {
			sum := float32(0)
			for j, v := range centers[c : c+clusterFeatures] {
				sum += (row[j] - v) * (row[j] - v)
			}
			least = min(least, sum)
		}
		total += float64(least)
	}
	return total / judgedRows
}
