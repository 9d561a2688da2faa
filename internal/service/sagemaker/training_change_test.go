package sagemaker

import (
	"fmt"
	"testing"

	"cloister/internal/value/shape/sagemaker"
)

func TestDeleteTrainingJob(t *testing.T) {
	w, s := trainingWorld(t)
	stop := w.run(s)
	remove := func(name string) error {
		_, err := s.deleteTrainingJob(t.Context(), w.call(), &sagemaker.DeleteTrainingJobRequest{TrainingJobName: &name})
		return err
	}
	refused(t, remove("job"), "ValidationException", "Requested resource not found.")
	r := trainingRequest("Job")
	r.HyperParameters["do"], r.Tags = "wait", []sagemaker.Tag{{Key: new("a"), Value: new("1")}}
	w.begin(s, r)
	refused(t, remove("job"), "ResourceInUse", "is in status InProgress")
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("job")); err != nil {
		t.Fatal(err)
	}
	w.ended(s, "job")
	stop()
	if err := remove("job"); err != nil {
		t.Fatal(err)
	}
	refused(t, remove("job"), "ValidationException", "Requested resource not found.")
	// The name is free, and the new job has nothing of the old one's.
	s = w.service()
	w.run(s)
	r = trainingRequest("job")
	w.begin(s, r)
	if d := w.ended(s, "job"); *d.TrainingJobStatus != completed {
		t.Errorf("ended %s", *d.TrainingJobStatus)
	}
	if out, err := s.listTags(t.Context(), w.call(), &sagemaker.ListTagsInput{ResourceArn: w.describe(s, "job").TrainingJobArn}); err != nil || len(out.Tags) != 0 {
		t.Errorf("tags %v %v", out, err)
	}
	w.empty()
}

func TestUpdateTrainingJob(t *testing.T) {
	w, s := trainingWorld(t)
	w.run(s)
	r := trainingRequest("job")
	r.HyperParameters["do"] = "wait"
	w.begin(s, r)
	off := &sagemaker.ProfilerConfigForUpdate{DisableProfiler: new(true)}
	for i, c := range []struct {
		in            sagemaker.UpdateTrainingJobRequest
		code, message string
	}{
		{sagemaker.UpdateTrainingJobRequest{}, "ValidationException", "Invalid UpdateTrainingJobRequest, the request cannot be empty"},
		{sagemaker.UpdateTrainingJobRequest{ProfilerConfig: &sagemaker.ProfilerConfigForUpdate{}}, "ValidationException", "ProfilerConfig is not supported"},
		{sagemaker.UpdateTrainingJobRequest{ProfilerConfig: off, ResourceConfig: &sagemaker.ResourceConfigForUpdate{KeepAlivePeriodInSeconds: new(int32(60))}}, "ValidationException", "has no warm pool in status Available"},
		{sagemaker.UpdateTrainingJobRequest{RemoteDebugConfig: &sagemaker.RemoteDebugConfigForUpdate{EnableRemoteDebug: new(true)}}, "ValidationException", "EnableRemoteDebug is not"},
		{sagemaker.UpdateTrainingJobRequest{TrainingJobName: new("none"), ProfilerConfig: off}, "ValidationException", "Requested resource not found."},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if c.in.TrainingJobName == nil {
				c.in.TrainingJobName = new("job")
			}
			_, err := s.updateTrainingJob(t.Context(), w.call(), &c.in)
			refused(t, err, c.code, c.message)
		})
	}
	in := &sagemaker.UpdateTrainingJobRequest{TrainingJobName: new("Job"), ProfilerConfig: off}
	for range 2 {
		if out, err := s.updateTrainingJob(t.Context(), w.call(), in); err != nil || *out.TrainingJobArn != *w.describe(s, "job").TrainingJobArn {
			t.Fatal(out, err)
		}
	}
	if d := w.describe(s, "job"); !flag(d.ProfilerConfig.DisableProfiler) {
		t.Error("it is not told back")
	}
	if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("job")); err != nil {
		t.Fatal(err)
	}
	w.ended(s, "job")
	_, err := s.updateTrainingJob(t.Context(), w.call(), in)
	refused(t, err, "ValidationException", "is in status Stopped")
}
