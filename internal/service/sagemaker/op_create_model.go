package sagemaker

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/shape/sagemaker"
)

var _ = api.Define(operations, "CreateModel", createModelChecks, (*Service).createModel)

func createModelChecks(c *api.Call, in *sagemaker.CreateModelInput) []api.Check {
	checks := telling(c, "CreateModel", "model", text(in.ModelName), in)
	return tagging(passing(c, checks, in.ExecutionRoleArn), in.Tags)
}

func (s *Service) createModel(ctx context.Context, c *api.Call, in *sagemaker.CreateModelInput) (*sagemaker.CreateModelOutput, error) {
	if err := refuseModel(in); err != nil {
		return nil, err
	}
	if err := ownRole(c.Account(), text(in.ExecutionRoleArn)); err != nil {
		return nil, err
	}
	m := &model{ARN: resource(c, "model", text(in.ModelName)), Request: *in}
	m.Request.Tags = nil
	m.Request.EnableNetworkIsolation = new(flag(in.EnableNetworkIsolation))
	if p := in.PrimaryContainer; p != nil {
		one := *p
		one.Mode = orText(one.Mode, singleModel)
		m.Request.PrimaryContainer = &one
	}
	if err := refuseIsolation(text(m.container().Image), flag(in.EnableNetworkIsolation)); err != nil {
		return nil, err
	}
	key := store.Key(c.Account(), lower(text(in.ModelName)))
	free := func(tx *store.Tx) error {
		old, err := models.Get(tx, key)
		if err == nil && old != nil {
			err = validation.New("Cannot create already existing model %q.", old.ARN)
		}
		return err
	}
	if err := s.DB.View(ctx, free); err != nil {
		return nil, err
	}
	x, err := s.takeRole(ctx, errand{c.Account(), text(in.ExecutionRoleArn), m.ARN, ""}, noModelRole)
	if err == nil {
		err = s.findModel(ctx, x, in)
	}
	if err != nil {
		return nil, err
	}
	return &sagemaker.CreateModelOutput{ModelArn: &m.ARN}, s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := free(tx); err != nil {
			return err
		}
		m.Created = tx.Now
		if err := putTags(tx, m.ARN, in.Tags); err != nil {
			return err
		}
		return models.Put(tx, key, m)
	})
}
