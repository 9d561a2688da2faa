package main

import (
	"context"
	"fmt"
	"strings"
)

// interruptCommand takes a spot job's instances back.
type interruptCommand struct {
	Job    string `arg:"" help:"The training job."`
	As     string `help:"Profile of the credentials file." default:"default"`
	Region string `help:"The region; by default the first."`
}

// Run asks the server, as any customer would.
func (i *interruptCommand) Run(c *commands) error {
	api, err := place{c.Data}.client(i.As)
	if err != nil {
		return err
	}
	if i.Region != "" {
		if err := api.serves(i.Region); err != nil {
			return err
		}
		api.Region = i.Region
	}
	err = api.json(context.Background(), "InterruptTrainingJob", map[string]string{"TrainingJobName": i.Job}, &struct{}{})
	if err != nil && strings.Contains(err.Error(), "Requested resource not found") {
		return fmt.Errorf("there is no training job %s in %s: `aws sagemaker list-training-jobs` tells which there are", i.Job, api.Region)
	}
	if err != nil {
		return err
	}
	fmt.Println("The instances of", i.Job, "are taken back; it starts again from its checkpoints.")
	return nil
}
