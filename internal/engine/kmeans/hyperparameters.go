// Package kmeans is the built-in K-Means algorithm: incremental training with extra centers that
// are then reduced to k, the model's encoding, and answers to inference requests.
//
// It promises that equal data, hyperparameters and random numbers give equal centers, however many
// cores there are. It does no I/O: rows come from a Source, progress goes to a Report.
package kmeans

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Ways to choose first centers.
const (
	InitRandom   = "random"
	InitPlusPlus = "kmeans++"
)

// Metrics of a model over data.
const (
	MeanSquareDistance  = "msd"
	SumOfSquareDistance = "ssd"
)

// Auto is the value of a count that the algorithm may choose.
const Auto = 0

// Hyperparameters are the algorithm's parameters, in AWS's names.
type Hyperparameters struct {
	FeatureDim, K, Epochs, MiniBatchSize int
	ExtraCenterFactor                    int // or Auto
	HalfLifeTimeSize                     int // rows after which a row's weight is 1/2; 0 is never
	InitMethod                           string
	LocalLloydInitMethod                 string
	LocalLloydMaxIter                    int
	LocalLloydNumTrials                  int // or Auto
	LocalLloydTol                        float64
	EvalMetrics                          []string
}

// Defaults are the values of the hyperparameters that are not given, as they are sent.
func Defaults() map[string]string {
	return map[string]string{
		"epochs": "1", "mini_batch_size": "5000", "extra_center_factor": "auto", "half_life_time_size": "0",
		"init_method": InitRandom, "local_lloyd_init_method": InitPlusPlus, "local_lloyd_max_iter": "300",
		"local_lloyd_num_trials": "auto", "local_lloyd_tol": "0.0001", "eval_metrics": `["msd"]`, "force_dense": "true",
	}
}

// maxCount bounds every count; the limits of memory are far below it.
const maxCount = 1 << 31

// ParseHyperparameters reads the map as a training job has it, all strings.
func ParseHyperparameters(given map[string]string) (Hyperparameters, error) {
	merged := Defaults()
	for name, value := range given {
		merged[name] = unquote(value)
	}
	p := parser{values: merged}
	p.require("k", "feature_dim")
	h := Hyperparameters{
		FeatureDim: p.count("feature_dim", 1), K: p.count("k", 1),
		Epochs: p.count("epochs", 1), MiniBatchSize: p.count("mini_batch_size", 1),
		ExtraCenterFactor: p.countOrAuto("extra_center_factor"), HalfLifeTimeSize: p.count("half_life_time_size", 0),
		InitMethod: p.choice("init_method", InitRandom, InitPlusPlus), LocalLloydInitMethod: p.choice("local_lloyd_init_method", InitRandom, InitPlusPlus),
		LocalLloydMaxIter: p.count("local_lloyd_max_iter", 1), LocalLloydNumTrials: p.countOrAuto("local_lloyd_num_trials"),
		LocalLloydTol: p.fraction("local_lloyd_tol"), EvalMetrics: p.metrics("eval_metrics"),
	}
	p.choice("force_dense", "true", "false", "True", "False")
	p.refuseOthers()
	return h, p.err
}

// unquote takes off the JSON quotes that some clients put around strings.
func unquote(value string) string {
	var text string
	if strings.HasPrefix(value, `"`) && json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}

// parser takes values one by one and keeps the first error.
type parser struct {
	values map[string]string
	err    error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *parser) take(name string) string {
	value := p.values[name]
	delete(p.values, name)
	return value
}

func (p *parser) require(names ...string) {
	var missing []string
	for _, name := range names {
		if _, ok := p.values[name]; !ok {
			missing = append(missing, "'"+name+"'")
		}
	}
	if len(missing) > 0 {
		p.fail("No value(s) were specified for %s which are required hyperparameter(s) (caused by ValidationError)", strings.Join(missing, ", "))
	}
}

func (p *parser) count(name string, least int) int {
	value := p.take(name)
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > maxCount {
		p.fail("Hyperparameter %s: '%s' is not an integer of at least %d (caused by ValidationError)", name, value, least)
	}
	return n
}

func (p *parser) countOrAuto(name string) int {
	if p.values[name] == "auto" {
		p.take(name)
		return Auto
	}
	return p.count(name, 1)
}

func (p *parser) choice(name string, choices ...string) string {
	value := p.take(name)
	if !slices.Contains(choices, value) {
		p.fail("Hyperparameter %s: '%s' is not one of %s (caused by ValidationError)", name, value, strings.Join(choices, ", "))
	}
	return value
}

func (p *parser) fraction(name string) float64 {
	value := p.take(name)
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		p.fail("Hyperparameter %s: '%s' is not a number from 0 to 1 (caused by ValidationError)", name, value)
	}
	return f
}

func (p *parser) metrics(name string) []string {
	value := p.take(name)
	var list []string
	if err := json.Unmarshal([]byte(value), &list); err != nil {
		p.fail("Hyperparameter must be valid json, but found %s: %s (caused by ValueError)", name, value)
	}
	for _, metric := range list {
		if metric != MeanSquareDistance && metric != SumOfSquareDistance {
			p.fail("Hyperparameter %s: '%s' is not one of msd, ssd (caused by ValidationError)", name, metric)
		}
	}
	return list
}

// refuseOthers fails on names nobody took. Names that begin with an underscore are the platform's.
func (p *parser) refuseOthers() {
	var unknown []string
	for name := range p.values {
		if !strings.HasPrefix(name, "_") {
			unknown = append(unknown, name)
		}
	}
	if slices.Sort(unknown); len(unknown) > 0 {
		p.fail("Additional properties are not allowed ('%s' was unexpected) (caused by ValidationError)", unknown[0])
	}
}
