package sagemaker

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	hpo "cloister/internal/engine/tuning"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// tuningJob is the record of a tuning job: what was asked for and every trial. What comes next is a pure
// function of it.
type tuningJob struct {
	Account, ARN, SourceIdentity string
	Request                      sagemaker.CreateHyperParameterTuningJobRequest
	Status, FailureReason        string
	Created, Modified            time.Time
	Ended                        *time.Time
	Seed                         uint64
	Stopping                     bool
	// Reason is why no more trials begin, once that is so.
	Reason    hpo.Reason
	Converged *time.Time
	Trials    []trial
	// Parents are those of a warm start, as they were when the job was made.
	Parents []hpo.Parent
}

// trial is one training job of a tuning job.
type trial struct {
	Name, Key, ARN string // of the training job
	Parameters     map[string]string
	Created        time.Time
	// Status is the training job's once that has ended; what follows is known then, or so far.
	Status, Failure string
	Started, Done   *time.Time
	Objective       *float64
	Series          []float64 `json:",omitempty"`
	// Halted is set when the tuning job stopped it.
	Halted bool
}

var tuningJobs = store.NewTable[tuningJob]("sagemaker.tuning-job")

var (
	resourceNotFound = fault.Kind{Code: "ResourceNotFound", Status: 400}
	// overtime is a Reason of ours: the time for all trials is over.
	overtime hpo.Reason = "MaxRuntimeInSeconds"
)

func noTuningJob(name string) *fault.Fault {
	return resourceNotFound.New("Amazon SageMaker can't find a tuning job with the name: %s", name)
}

func (j *tuningJob) name() string { return text(j.Request.HyperParameterTuningJobName) }

func (j *tuningJob) settled() bool {
	return j.Status == completed || j.Status == failed || j.Status == stopped
}

// definition is that of the trials, with the objective and the ranges wherever the customer put them.
func (j *tuningJob) definition() *sagemaker.HyperParameterTrainingJobDefinition {
	return definitionOf(&j.Request)
}

func definitionOf(in *sagemaker.CreateHyperParameterTuningJobRequest) *sagemaker.HyperParameterTrainingJobDefinition {
	if in.TrainingJobDefinition != nil {
		return in.TrainingJobDefinition
	}
	return &in.TrainingJobDefinitions[0]
}

// completeDefinition is the definition with what AWS fills in, as Describe shows it.
func (j *tuningJob) completeDefinition() *sagemaker.HyperParameterTrainingJobDefinition {
	d := *j.definition()
	full := j.training("", nil)
	d.StaticHyperParameters = full.HyperParameters
	d.InputDataConfig, d.StoppingCondition = completeChannels(d.InputDataConfig), completeStopping(d.StoppingCondition)
	d.EnableNetworkIsolation = new(flag(d.EnableNetworkIsolation))
	d.EnableInterContainerTrafficEncryption = new(flag(d.EnableInterContainerTrafficEncryption))
	d.EnableManagedSpotTraining = new(flag(d.EnableManagedSpotTraining))
	return &d
}

func objectiveOf(in *sagemaker.CreateHyperParameterTuningJobRequest) *sagemaker.HyperParameterTuningJobObjective {
	if o := definitionOf(in).TuningObjective; o != nil {
		return o
	}
	return in.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective
}

func rangesOf(in *sagemaker.CreateHyperParameterTuningJobRequest) (out []hpo.Range) {
	p := definitionOf(in).HyperParameterRanges
	if p == nil {
		p = in.HyperParameterTuningJobConfig.ParameterRanges
	}
	if p == nil {
		return nil
	}
	for _, r := range p.IntegerParameterRanges {
		out = append(out, hpo.Range{Name: text(r.Name), Kind: hpo.Integer, Min: text(r.MinValue), Max: text(r.MaxValue), Scaling: hpo.Scaling(text(r.ScalingType))})
	}
	for _, r := range p.ContinuousParameterRanges {
		out = append(out, hpo.Range{Name: text(r.Name), Kind: hpo.Continuous, Min: text(r.MinValue), Max: text(r.MaxValue), Scaling: hpo.Scaling(text(r.ScalingType))})
	}
	for _, r := range p.CategoricalParameterRanges {
		out = append(out, hpo.Range{Name: text(r.Name), Kind: hpo.Categorical, Values: r.Values})
	}
	return out
}

// search is the engine's view of a request.
func search(in *sagemaker.CreateHyperParameterTuningJobRequest, parents []hpo.Parent, seed uint64) (*hpo.Search, error) {
	c := in.HyperParameterTuningJobConfig
	config := hpo.Config{
		Strategy: hpo.Strategy(text(c.Strategy)), Ranges: rangesOf(in), Static: definitionOf(in).StaticHyperParameters, Seed: seed,
		MaxTrials: int(number(c.ResourceLimits.MaxNumberOfTrainingJobs, 0)), MaxParallel: int(number(c.ResourceLimits.MaxParallelTrainingJobs, 1)),
		EarlyStop: text(c.TrainingJobEarlyStoppingType) == "Auto",
	}
	if o := objectiveOf(in); o != nil {
		config.Maximize = text(o.Type) == "Maximize"
	}
	if s := c.StrategyConfig; s != nil && s.HyperbandStrategyConfig != nil {
		config.MinResource, config.MaxResource = int(number(s.HyperbandStrategyConfig.MinResource, 0)), int(number(s.HyperbandStrategyConfig.MaxResource, 0))
	}
	if t := c.TuningJobCompletionCriteria; t != nil {
		if t.TargetObjectiveMetricValue != nil {
			config.Criteria.Target = new(float64(*t.TargetObjectiveMetricValue))
		}
		if b := t.BestObjectiveNotImproving; b != nil {
			config.Criteria.NotImproving = int(number(b.MaxNumberOfTrainingJobsNotImproving, 0))
		}
		if d := t.ConvergenceDetected; d != nil {
			config.Criteria.Convergence = text(d.CompleteOnConvergence) == "Enabled"
		}
	}
	if w := in.WarmStartConfig; w != nil {
		config.WarmStart = hpo.WarmStart{Type: hpo.WarmStartType(text(w.WarmStartType)), Parents: parents}
	}
	return hpo.New(config)
}

// parent is the job as those who start warm from it see it.
func (j *tuningJob) parent() hpo.Parent {
	o := objectiveOf(&j.Request)
	return hpo.Parent{Name: j.name(), Metric: text(o.MetricName), Maximize: text(o.Type) == "Maximize", Ranges: rangesOf(&j.Request),
		Static: j.definition().StaticHyperParameters, Trials: j.trials()}
}

// trials are the engine's view of the trials.
func (j *tuningJob) trials() []hpo.Trial {
	out := make([]hpo.Trial, len(j.Trials))
	for i := range j.Trials {
		t := &j.Trials[i]
		out[i] = hpo.Trial{Index: i, Parameters: t.Parameters, State: hpo.Running, Values: t.Series, Final: t.Objective}
		if t.Done != nil {
			out[i].Ended = t.Done.UnixNano()
		}
		switch t.Status {
		case completed:
			out[i].State = hpo.Completed
		case stopped:
			out[i].State = hpo.Stopped
		case failed:
			out[i].State = hpo.Failed
		}
	}
	return out
}

// lasted is for how long the job has gone on, whatever number of trials ran beside each other: what
// MaxRuntimeInSeconds bounds.
func (j *tuningJob) lasted(now time.Time) time.Duration {
	if j.Ended != nil {
		now = *j.Ended
	}
	return now.Sub(j.Created)
}

// running counts the trials that have not ended.
func (j *tuningJob) running() (n int) {
	for i := range j.Trials {
		if j.Trials[i].Status == "" {
			n++
		}
	}
	return n
}

// training is what a trial asks for.
func (j *tuningJob) training(name string, parameters map[string]string) *sagemaker.CreateTrainingJobRequest {
	d := j.definition()
	all := maps.Clone(d.StaticHyperParameters)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, parameters)
	all["_tuning_objective_metric"] = text(objectiveOf(&j.Request).MetricName)
	a := d.AlgorithmSpecification
	return &sagemaker.CreateTrainingJobRequest{
		TrainingJobName: &name, HyperParameters: all, RoleArn: d.RoleArn, InputDataConfig: d.InputDataConfig, VpcConfig: d.VpcConfig,
		OutputDataConfig: d.OutputDataConfig, ResourceConfig: d.ResourceConfig, StoppingCondition: d.StoppingCondition,
		AlgorithmSpecification: &sagemaker.AlgorithmSpecification{TrainingImage: a.TrainingImage, AlgorithmName: a.AlgorithmName,
			TrainingInputMode: a.TrainingInputMode, MetricDefinitions: a.MetricDefinitions},
		EnableNetworkIsolation: d.EnableNetworkIsolation, EnableInterContainerTrafficEncryption: d.EnableInterContainerTrafficEncryption,
		EnableManagedSpotTraining: d.EnableManagedSpotTraining, CheckpointConfig: d.CheckpointConfig, RetryStrategy: d.RetryStrategy, Environment: d.Environment,
	}
}

// best is the trial with the best objective; nil when none has one.
func (j *tuningJob) best() *trial {
	s, err := search(&j.Request, j.Parents, j.Seed)
	if err != nil {
		return nil
	}
	if i := s.Best(j.trials()); i >= 0 {
		return &j.Trials[i]
	}
	return nil
}

// shown is the status of a trial, as lists have it.
func (t *trial) shown() string { return cmp.Or(t.Status, inProgress) }

// objectiveStatus tells whether the trial said how good it is.
func (t *trial) objectiveStatus() string {
	switch {
	case t.Status == "":
		return "Pending"
	case t.Objective != nil && t.Status != failed:
		return "Succeeded"
	}
	return "Failed"
}

func (j *tuningJob) summary(t *trial) sagemaker.HyperParameterTrainingJobSummary {
	out := sagemaker.HyperParameterTrainingJobSummary{
		TrainingJobName: &t.Name, TrainingJobArn: &t.ARN, CreationTime: stamp(t.Created), TrainingStartTime: at(t.Started),
		TrainingEndTime: at(t.Done), TrainingJobStatus: new(t.shown()), TunedHyperParameters: t.Parameters, ObjectiveStatus: new(t.objectiveStatus()),
	}
	if n := j.definition().DefinitionName; n != nil {
		out.TrainingJobDefinitionName = n
	}
	if t.Failure != "" {
		out.FailureReason = &t.Failure
	}
	if t.Objective != nil {
		o := objectiveOf(&j.Request)
		out.FinalHyperParameterTuningJobObjectiveMetric = &sagemaker.FinalHyperParameterTuningJobObjectiveMetric{
			Type: o.Type, MetricName: o.MetricName, Value: new(float32(*t.Objective))}
	}
	return out
}

func (j *tuningJob) counters() (*sagemaker.TrainingJobStatusCounters, *sagemaker.ObjectiveStatusCounters) {
	jobs, objectives := map[string]int32{}, map[string]int32{}
	for i := range j.Trials {
		jobs[j.Trials[i].shown()]++
		objectives[j.Trials[i].objectiveStatus()]++
	}
	return &sagemaker.TrainingJobStatusCounters{Completed: new(jobs[completed]), InProgress: new(jobs[inProgress]), RetryableError: new(int32(0)),
			NonRetryableError: new(jobs[failed]), Stopped: new(jobs[stopped])},
		&sagemaker.ObjectiveStatusCounters{Succeeded: new(objectives["Succeeded"]), Pending: new(objectives["Pending"]), Failed: new(objectives["Failed"])}
}

// sortable is a number as text that sorts as the number does.
func sortable(v *float64) string {
	if v == nil {
		return ""
	}
	f := *v
	s := strconv.FormatFloat(f, 'e', 17, 64)
	mantissa, exponent, _ := cutLast(s, 'e')
	e, _ := strconv.Atoi(exponent)
	switch {
	case f > 0:
		return "3" + strconv.Itoa(50000+e) + mantissa
	case f < 0:
		return "1" + strconv.Itoa(50000-e) + complement(mantissa[1:])
	}
	return "2"
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := slices.Index([]byte(s), sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// complement turns the order of digits around.
func complement(digits string) string {
	b := []byte(digits)
	for i, c := range b {
		if c >= '0' && c <= '9' {
			b[i] = '0' + '9' - c
		}
	}
	return string(b)
}

// tuningName is the name in a tuning job's key.
func tuningName(key string) string {
	_, name := store.Split(key)
	return name
}
