package sagemaker

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

// TestListsAreOrdered asks for lists and says nothing of an order: each has the one that AWS documents for it.
func TestListsAreOrdered(t *testing.T) {
	m, s := compilationWorld(t, "w")
	c := m.call()
	made := time.Unix(1_700_000_000, 0)
	err := s.DB.Update(t.Context(), func(tx *store.Tx) error {
		for _, name := range []string{"b", "c", "a"} {
			made = made.Add(time.Second)
			key, st := store.Key(c.Account(), name), jobState{Status: completed, Created: made, Modified: made}
			for _, err := range []error{
				trainingJobs.Put(tx, key, &trainingJob{jobState: st, Request: *trainingRequest(name)}),
				processingJobs.Put(tx, key, &processingJob{jobState: st, Request: *processingRequest(name)}),
				transformJobs.Put(tx, key, &transformJob{jobState: st, Request: *transformRequest(name)}),
				compilationJobs.Put(tx, key, &compilationJob{jobState: st, Request: *compilationRequest(name)}),
				tuningJobs.Put(tx, key, &tuningJob{Status: completed, Created: made, Request: *tuningRequest(name, 1, 1), Trials: []trial{
					{Name: "b", Status: completed, Created: made}, {Name: "c", Status: completed, Created: made.Add(1)}, {Name: "a", Status: stopped, Created: made.Add(2)},
				}}),
			} {
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	note := func(list string, err error, names ...*string) {
		var all []string
		for _, n := range names {
			all = append(all, *n)
		}
		if got[list] = strings.Join(all, ""); err != nil {
			t.Errorf("%s: %v", list, err)
		}
	}
	training, err := s.listTrainingJobs(t.Context(), c, &sagemaker.ListTrainingJobsRequest{})
	note("training", err, each(training.TrainingJobSummaries, func(j sagemaker.TrainingJobSummary) *string { return j.TrainingJobName })...)
	processing, err := s.listProcessingJobs(t.Context(), c, &sagemaker.ListProcessingJobsRequest{})
	note("processing", err, each(processing.ProcessingJobSummaries, func(j sagemaker.ProcessingJobSummary) *string { return j.ProcessingJobName })...)
	transform, err := s.listTransformJobs(t.Context(), c, &sagemaker.ListTransformJobsRequest{})
	note("transform", err, each(transform.TransformJobSummaries, func(j sagemaker.TransformJobSummary) *string { return j.TransformJobName })...)
	compilation, err := s.listCompilationJobs(t.Context(), c, &sagemaker.ListCompilationJobsRequest{})
	note("compilation", err, each(compilation.CompilationJobSummaries, func(j sagemaker.CompilationJobSummary) *string { return j.CompilationJobName })...)
	tuning, err := s.listHyperParameterTuningJobs(t.Context(), c, &sagemaker.ListHyperParameterTuningJobsRequest{})
	note("tuning", err, each(tuning.HyperParameterTuningJobSummaries, func(j sagemaker.HyperParameterTuningJobSummary) *string { return j.HyperParameterTuningJobName })...)
	ask := &sagemaker.ListTrainingJobsForHyperParameterTuningJobRequest{HyperParameterTuningJobName: new("a")}
	trials, err := s.listTrainingJobsForHyperParameterTuningJob(t.Context(), c, ask)
	name := func(j sagemaker.HyperParameterTrainingJobSummary) *string { return j.TrainingJobName }
	note("trials", err, each(trials.TrainingJobSummaries, name)...)
	for list, want := range map[string]string{"training": "bca", "processing": "bca", "transform": "acb", "compilation": "bca", "tuning": "abc", "trials": "abc"} {
		if got[list] != want {
			t.Errorf("%s: %q, not %q", list, got[list], want)
		}
	}
	// A token goes on with the question that it came with, and with no other.
	ask.StatusEquals, ask.MaxResults = new(completed), new(int32(1))
	first, err := s.listTrainingJobsForHyperParameterTuningJob(t.Context(), c, ask)
	if err != nil || first.NextToken == nil {
		t.Fatal(first, err)
	}
	ask.NextToken = first.NextToken
	second, err := s.listTrainingJobsForHyperParameterTuningJob(t.Context(), c, ask)
	if err != nil || len(second.TrainingJobSummaries) != 1 || *second.TrainingJobSummaries[0].TrainingJobName != "c" || second.NextToken != nil {
		t.Error(second, err)
	}
	for _, other := range []*string{nil, new(stopped)} {
		ask.StatusEquals = other
		_, err = s.listTrainingJobsForHyperParameterTuningJob(t.Context(), c, ask)
		refused(t, err, "ValidationException", "Invalid pagination token because")
	}
}

func each[T, U any](all []T, of func(T) U) []U {
	var out []U
	for v := range slices.Values(all) {
		out = append(out, of(v))
	}
	return out
}
