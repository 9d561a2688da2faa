package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// records of one object, and of a small one: what a record takes is in the difference.
	records, fewRecords = 20000, 200
	posters             = 8 // requests at a time
	batches             = 5
)

// record is a row of 64 numbers.
var record = strings.Repeat("0.5,", 63) + "1.5\n"

// measureBatch takes what a record of a batch transform takes, from the object in S3 to the one that holds the answers.
// The peer posts the same records to a container of the same model, from within that container's network.
func (r *run) measureBatch(ctx context.Context) error {
	if r.world == nil {
		return errNoWorld
	}
	w := r.world
	if err := w.deploy(ctx); err != nil {
		return err
	}
	eni, _, err := w.containerInterface(ctx)
	if err != nil {
		return err
	}
	for name, n := range map[string]int{"many": records, "few": fewRecords} {
		if err := w.api.put(ctx, "/digits-bucket/batch/"+name+"/rows.csv", []byte(strings.Repeat(record, n))); err != nil {
			return err
		}
	}
	var ours, theirs []time.Duration
	for i := range batches {
		few, err := w.transform(ctx, fmt.Sprintf("few-%d", i), "few")
		if err != nil {
			return err
		}
		many, err := w.transform(ctx, fmt.Sprintf("many-%d", i), "many")
		if err != nil {
			return err
		}
		bare, err := r.post(ctx, eni)
		if err != nil {
			return err
		}
		ours, theirs = append(ours, (many-few)/(records-fewRecords)), append(theirs, bare/records)
	}
	r.table.add(fmt.Sprintf("batch transform, a record of 256 bytes, %d at a time", posters), us(median(ours)), "",
		"the same posted straight to the container "+us(median(theirs)), times(median(ours), median(theirs)), nil)
	r.table.add("  added to a record", us(median(ours)-median(theirs)), "", "", "", nil)
	return nil
}

// transform runs a job over a prefix and gives how long its containers worked.
func (w *world) transform(ctx context.Context, name, prefix string) (time.Duration, error) {
	err := w.api.json(ctx, "sagemaker", "SageMaker.CreateTransformJob", map[string]any{
		"TransformJobName": name, "ModelName": "digits", "BatchStrategy": "SingleRecord", "MaxConcurrentTransforms": posters,
		"TransformInput": map[string]any{"ContentType": "text/csv", "SplitType": "Line", "DataSource": map[string]any{
			"S3DataSource": map[string]string{"S3DataType": "S3Prefix", "S3Uri": "s3://digits-bucket/batch/" + prefix + "/"}}},
		"TransformOutput":    map[string]string{"S3OutputPath": "s3://digits-bucket/answers/" + name, "AssembleWith": "Line"},
		"TransformResources": map[string]any{"InstanceType": "ml.m5.large", "InstanceCount": 1},
	}, nil)
	if err != nil {
		return 0, err
	}
	var out struct {
		TransformJobStatus, FailureReason    string
		TransformStartTime, TransformEndTime float64
	}
	err = until(ctx, "end of transform job "+name, func() (bool, error) {
		err := w.api.json(ctx, "sagemaker", "SageMaker.DescribeTransformJob", map[string]string{"TransformJobName": name}, &out)
		if out.TransformJobStatus == "Failed" {
			err = fmt.Errorf("failed: %s", out.FailureReason)
		}
		return out.TransformJobStatus == "Completed", err
	})
	return time.Duration((out.TransformEndTime - out.TransformStartTime) * float64(time.Second)), err
}

// post has this binary post all records within a container's network.
func (r *run) post(ctx context.Context, eni string) (took time.Duration, err error) {
	args := r.daemon.command("inside", "--run", r.world.Run, "--place", eni, "--resolver", "169.254.169.253", "--", r.self, "post")
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("post: %w", err)
	}
	return took, json.Unmarshal(out, &took)
}

// postRecords is the half within: it posts every record, reads every answer, and tells how long that took.
func postRecords(ctx context.Context, _ []string) error {
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: posters, DisableCompression: true}}
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for i := range posters {
		g.Go(func() error {
			for n := i; n < records; n += posters {
				if err := postRecord(ctx, &client); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(time.Since(began))
}

func postRecord(ctx context.Context, client *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:8080/invocations", bytes.NewReader([]byte(record)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/csv")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, said)
	}
	return err
}
