package sagemaker

import (
	"cloister/internal/machine/store"
	"context"
	"time"
)

type model struct{}
type endpointConfig struct{}
type endpoint struct{}

var models = store.NewTable[model]("sagemaker.model")
var endpointConfigs = store.NewTable[endpointConfig]("sagemaker.endpoint-config")
var endpoints = store.NewTable[endpoint]("sagemaker.endpoint")

func (s *Service) workOnEndpoint(ctx context.Context, key string) (time.Duration, error) {
	return 0, nil
}
func (s *Service) workOnInstance(ctx context.Context, key string) (time.Duration, error) {
	return 0, nil
}
func (s *Service) resumeEndpoints(tx *store.Tx) error { return nil }
