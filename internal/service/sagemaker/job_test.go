package sagemaker

import (
	"testing"
	"time"

	"cloister/internal/machine/store"
)

// TestAJobOfAnEarlierVersionEnds takes up a record as it was written before jobs had hosts.
func TestAJobOfAnEarlierVersionEnds(t *testing.T) {
	w, s := trainingWorld(t)
	old := store.NewTable[map[string]any]("sagemaker.training-job")
	request := completeTraining(trainingRequest("old"))
	err := w.db.Update(t.Context(), func(tx *store.Tx) error {
		return old.Put(tx, store.Key(account, "old"), &map[string]any{
			"Account": account, "ARN": "arn:aws:sagemaker:us-east-1:111122223333:training-job/old", "Request": request,
			"Status": inProgress, "Secondary": "Starting", "Created": time.Now(), "ID": "tj-0011223344556677", "Stage": "Starting",
			"Secret": "00112233445566778899aabbccddeeff", "Interface": "",
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.run(s)
	if d := w.ended(s, "old"); *d.TrainingJobStatus != completed {
		t.Fatalf("ended %s: %s", *d.TrainingJobStatus, text(d.FailureReason))
	}
	w.empty()
	if err := w.db.View(t.Context(), func(tx *store.Tx) error {
		j, err := trainingJobs.Get(tx, store.Key(account, "old"))
		if err == nil && (len(j.Hosts) != 1 || j.Hosts[0].ID != j.ID || j.Hosts[0].Secret != "00112233445566778899aabbccddeeff" || j.Hosts[0].Interface == "" || j.Secret != "") {
			t.Errorf("hosts %+v", j.Hosts)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
