package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"unicode/utf8"
)

// failure is a reason why a job or an instance will not succeed, however often it is tried.
type failure struct {
	reason  string
	request string // id of the S3 call that decided, if one did
}

func (f *failure) Error() string { return f.reason }

// outcome is how a job ends that the failure befell.
func (f *failure) outcome() *outcome {
	return &outcome{Status: failed, Secondary: failed, Reason: clip(f.reason), Request: f.request}
}

// fails makes a failure with a reason for the customer.
func fails(format string, args ...any) error { return &failure{reason: fmt.Sprintf(format, args...)} }

const (
	internalReason = "InternalServerError: We encountered an internal error.  Please try again."
	noRoute        = "Please ensure that the subnet's route table has a route to an S3 VPC endpoint or a NAT device, and both the security groups and the subnet's network ACL allow outbound traffic to S3."
	outOfMemory    = "ClientError: Please use an instance type with more memory, or reduce the size of job data processed on an instance."
	longestReason  = 1024
)

// transferred turns what went wrong between us and S3 into a failure, in AWS's words; what may pass
// by itself stays an error. what is "Data download" or "Artifact upload".
func transferred(what string, err error) error {
	var no *s3Error
	var known *failure
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &no) && no.Status < 500:
		verb := "download data"
		if what != download {
			verb = "upload artifact"
		}
		status := http.StatusText(no.Status)
		return &failure{reason: fmt.Sprintf("ClientError: %s failed:failed to %s. %d %s (%d): %s", what, verb, no.Status, status, no.Status, status), request: no.Request}
	case errors.Is(err, errUnreachable) && !errors.Is(err, context.Canceled):
		return fails("ClientError: %s failed:%s", what, noRoute)
	}
	return err
}

const (
	download = "Data download"
	upload   = "Artifact upload"
)

// clip cuts a reason to the characters that the API can carry.
func clip(s string) string {
	n := 0
	for i := range s {
		if n++; n > longestReason {
			return s[:i]
		}
	}
	return s
}

// firstBytes is the beginning of a text, in whole characters.
func firstBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// errNoSpace may pass: the disk is the machine's and not the customer's.
var errNoSpace = syscall.ENOSPC
