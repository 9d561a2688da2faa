package sagemaker

import (
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// endpointConfig is a record of what an endpoint may be made of. It never changes.
type endpointConfig struct {
	ARN     string
	Request sagemaker.CreateEndpointConfigInput
	Created time.Time
}

var endpointConfigs = store.NewTable[endpointConfig]("sagemaker.endpoint-config")

func noEndpointConfig(arn string) *fault.Fault {
	return validation.New("Could not find endpoint configuration %q.", arn)
}

// mostInstances is how many containers a variant may have on this one machine.
const mostInstances = 4

// refuseEndpointConfig goes through what CreateEndpointConfig can ask for.
func refuseEndpointConfig(in *sagemaker.CreateEndpointConfigInput) error {
	if err := refuse(
		refusal{"DataCaptureConfig", in.DataCaptureConfig != nil},
		refusal{"KmsKeyId", text(in.KmsKeyId) != ""},
		refusal{"AsyncInferenceConfig", in.AsyncInferenceConfig != nil},
		refusal{"ExplainerConfig", in.ExplainerConfig != nil},
		refusal{"ShadowProductionVariants", len(in.ShadowProductionVariants) > 0},
		refusal{"ExecutionRoleArn", in.ExecutionRoleArn != nil},
		refusal{"VpcConfig", in.VpcConfig != nil},
		refusal{"EnableNetworkIsolation", flag(in.EnableNetworkIsolation)},
		refusal{"MetricsConfig", in.MetricsConfig != nil},
	); err != nil {
		return err
	}
	if len(in.ProductionVariants) == 0 {
		return validation.New("ProductionVariants must have at least one variant.")
	}
	seen := map[string]bool{}
	for i := range in.ProductionVariants {
		v := &in.ProductionVariants[i]
		if err := refuseVariant(v); err != nil {
			return err
		}
		if name := text(v.VariantName); seen[name] {
			return validation.New("Production variant names must be unique: %s appears more than once.", name)
		}
		seen[text(v.VariantName)] = true
	}
	return nil
}

func refuseVariant(v *sagemaker.ProductionVariant) error {
	name := "ProductionVariants " + text(v.VariantName) + ": "
	if err := refuse(
		refusal{name + "a variant without ModelName", text(v.ModelName) == ""},
		refusal{name + "ServerlessConfig", v.ServerlessConfig != nil},
		refusal{name + "InstancePools", len(v.InstancePools) > 0},
		refusal{name + "VariantInstanceProvisionTimeoutInSeconds", v.VariantInstanceProvisionTimeoutInSeconds != nil},
		refusal{name + "AcceleratorType", v.AcceleratorType != nil},
		refusal{name + "CoreDumpConfig", v.CoreDumpConfig != nil},
		refusal{name + "EnableSSMAccess", flag(v.EnableSSMAccess)},
		refusal{name + "ManagedInstanceScaling", v.ManagedInstanceScaling != nil},
		refusal{name + "RoutingConfig LEAST_OUTSTANDING_REQUESTS", v.RoutingConfig != nil && text(v.RoutingConfig.RoutingStrategy) != "RANDOM"},
		refusal{name + "InferenceAmiVersion", v.InferenceAmiVersion != nil},
		refusal{name + "CapacityReservationConfig", v.CapacityReservationConfig != nil},
	); err != nil {
		return err
	}
	if n := number(v.InitialInstanceCount, 1); n < 1 || n > mostInstances {
		return validation.New("%sInitialInstanceCount must be between 1 and %d.", name, mostInstances)
	}
	if text(v.InstanceType) == "" {
		return validation.New("%sInstanceType is required.", name)
	}
	if v.InitialVariantWeight != nil && *v.InitialVariantWeight < 0 {
		return validation.New("%sInitialVariantWeight must not be negative.", name)
	}
	return nil
}
