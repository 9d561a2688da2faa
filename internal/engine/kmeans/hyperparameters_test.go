package kmeans

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestHyperparametersDefaults(t *testing.T) {
	h := parameters("10", "64")
	if h.Epochs != 1 || h.MiniBatchSize != 5000 || h.ExtraCenterFactor != Auto || h.InitMethod != InitRandom ||
		h.LocalLloydInitMethod != InitPlusPlus || h.LocalLloydMaxIter != 300 || h.LocalLloydNumTrials != Auto ||
		h.LocalLloydTol != 0.0001 || h.HalfLifeTimeSize != 0 || !slices.Equal(h.EvalMetrics, []string{"msd"}) {
		t.Errorf("%+v", h)
	}
}

func TestHyperparametersGiven(t *testing.T) {
	given := map[string]string{
		"k": "3", "feature_dim": "2", "epochs": "4", "mini_batch_size": "7", "extra_center_factor": "5", "half_life_time_size": "9",
		"init_method": `"kmeans++"`, "local_lloyd_init_method": "random", "local_lloyd_max_iter": "11", "local_lloyd_num_trials": "2",
		"local_lloyd_tol": "1e-3", "eval_metrics": `["msd","ssd"]`, "force_dense": "True", "_tuning_objective_metric": "test:msd",
	}
	before := maps.Clone(given)
	h, err := ParseHyperparameters(given)
	if err != nil || h.InitMethod != InitPlusPlus || h.LocalLloydTol != 0.001 || len(h.EvalMetrics) != 2 || h.ExtraCenterFactor != 5 {
		t.Errorf("%+v, %v", h, err)
	}
	if !maps.Equal(before, given) {
		t.Error("the given map was changed")
	}
}

func TestHyperparametersRefused(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"k", "0", "k: '0'"}, {"k", "ten", "k: 'ten'"}, {"k", "99999999999", "k: "}, {"k", "1.5", "k: "}, {"k", "auto", "k: "},
		{"epochs", "0", "epochs: '0'"}, {"mini_batch_size", "-1", "mini_batch_size"}, {"extra_center_factor", "0", "extra_center_factor"},
		{"half_life_time_size", "-1", "half_life_time_size"}, {"init_method", "best", "'best' is not one of random, kmeans++"},
		{"local_lloyd_tol", "2", "from 0 to 1"}, {"local_lloyd_tol", "NaN", "from 0 to 1"},
		{"eval_metrics", "msd", "Hyperparameter must be valid json, but found eval_metrics"}, {"eval_metrics", `["mae"]`, "'mae'"},
		{"colour", "red", "Additional properties are not allowed ('colour' was unexpected)"},
	} {
		_, err := ParseHyperparameters(map[string]string{"k": "1", "feature_dim": "1", c.name: c.value})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v, want %q", c.name, c.value, err, c.want)
		}
	}
	_, err := ParseHyperparameters(nil)
	if want := "No value(s) were specified for 'k', 'feature_dim' which are required hyperparameter(s) (caused by ValidationError)"; err == nil || err.Error() != want {
		t.Errorf("nothing given: %v", err)
	}
}
