package sagemaker

import (
	"regexp"
)

// marketplaceLabel marks an image whose containers may run isolated only, with the value "true".
const marketplaceLabel = "com.amazonaws.sagemaker.marketplace"

// online are the repositories of SageMaker's own images that need the network: Chainer, reinforcement learning.
var online = regexp.MustCompile(`(^|/)sagemaker-(chainer|rl-[^:@/]*)([:@]|$)`)

// refuseIsolation refuses to isolate what cannot work so.
func refuseIsolation(image string, isolated bool) error {
	if isolated && online.MatchString(image) {
		return validation.New("EnableNetworkIsolation is not supported for %s: its containers need access to Amazon S3.", image)
	}
	return nil
}

// mayRun refuses to run an image of the Marketplace where it is not isolated.
func (i *Image) mayRun(reference string, isolated bool) error {
	if i.Labels[marketplaceLabel] == "true" && !isolated {
		return fails("ClientError: Network isolation is required to run %s, an image from AWS Marketplace. Set EnableNetworkIsolation.", reference)
	}
	return nil
}
