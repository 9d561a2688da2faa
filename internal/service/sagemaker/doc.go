// Package sagemaker is Amazon SageMaker's control plane: training jobs that run in containers, and
// models, endpoint configurations and endpoints that serve.
//
// It promises that a job asked for ends Completed, Failed or Stopped whatever dies in between, that
// nothing a job made is left when it has ended, and that every byte between a job and S3 goes the
// way a packet of the job's own interface would, signed by the job's role. It must not know how
// packets, containers, images or decisions are made, nor any other service but as its client.
//
// What is asked for and has no effect yet is refused with a ValidationException that names the
// field. Recorded and shown, with no further effect on AWS for one host or none here, are: Tags;
// EnableInterContainerTrafficEncryption of one host; Channel.ContentType (handed to the
// container in inputdataconfig.json); StoppingCondition.MaxPendingTimeInSeconds (nothing waits for
// capacity). The names of instance types mean
// CPU and memory limits only.
//
// Denied or failed S3 traffic of a job shows in its FailureReason in AWS's words. The request id of
// the S3 call that decided stands in the StatusMessage of the job's last SecondaryStatusTransition,
// for "cloister why".
package sagemaker
