package sagemaker

import (
	"testing"

	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// Each time a role is assumed its trust policy can see for what: aws:SourceArn and aws:SourceAccount.
func TestRolesAreAssumedForAResource(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	c := w.call()
	c.Caller.Identity.SourceIdentity = "ann"
	if _, err := s.createTrainingJob(t.Context(), c, trainingRequest("Digits")); err != nil {
		t.Fatal(err)
	}
	m := &sagemaker.CreateModelInput{ModelName: new("M"), ExecutionRoleArn: new(role), PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("x/kmeans:1")}}
	if _, err := s.createModel(t.Context(), w.call(), m); err != nil {
		t.Fatal(err)
	}
	want := []errand{
		{account, role, "arn:aws:sagemaker:us-east-1:111122223333:training-job/digits", "ann"},
		{account, role, "arn:aws:sagemaker:us-east-1:111122223333:model/m", ""},
	}
	if len(w.errands) != 2 || w.errands[0] != want[0] || w.errands[1] != want[1] {
		t.Errorf("errands %+v", w.errands)
	}
}

// The session that made the job tells who it is for, in each session of the job, also after a restart.
func TestAJobCarriesTheSourceIdentityOfWhoMadeIt(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	c := w.call()
	c.Caller.Identity.SourceIdentity = "ann"
	if _, err := s.createTrainingJob(t.Context(), c, trainingRequest("Digits")); err != nil {
		t.Fatal(err)
	}
	again := w.service()
	w.run(again)
	w.ended(again, "Digits")
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.errands) < 2 {
		t.Fatalf("errands %+v", w.errands)
	}
	for _, e := range w.errands {
		if e.identity != "ann" {
			t.Errorf("a session without the source identity: %+v", e)
		}
	}
}

func TestARoleOfAnotherAccountIsNoQuestionOfPolicies(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	const other = "arn:aws:iam::999999999999:role/x"
	job := trainingRequest("Digits")
	job.RoleArn = new(other)
	m := &sagemaker.CreateModelInput{ModelName: new("M"), ExecutionRoleArn: new(other), PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("x/kmeans:1")}}
	if n := len(createTrainingJobChecks(w.call(), job)) + len(createModelChecks(w.call(), m)); n != 2 {
		t.Errorf("%d questions, and none of them can be answered with what AWS says", n)
	}
	_, err := s.createTrainingJob(t.Context(), w.call(), job)
	refused(t, err, "ValidationException", "RoleArn: Cross-account pass role is not allowed.")
	_, err = s.createModel(t.Context(), w.call(), m)
	refused(t, err, "ValidationException", "RoleArn: Cross-account pass role is not allowed.")
	if len(w.errands) > 0 {
		t.Errorf("tried %+v", w.errands)
	}
}

func TestCreateTrainingJobSaysThatTheRoleDoesNotTrust(t *testing.T) {
	w := newWorld(t, nil)
	w.deny["sts.AssumeRole"] = fault.Kind{Code: "AccessDenied", Status: 403}.New("no")
	_, err := w.service().createTrainingJob(t.Context(), w.call(), trainingRequest("Digits"))
	refused(t, err, "ValidationException", "Could not assume role "+role+". Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role.")
}
