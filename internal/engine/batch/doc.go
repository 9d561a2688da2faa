// Package batch is what a batch transform does to bytes: it splits an object into records, puts records into
// requests, and makes the output of the answers, filtered and joined with the input as JSONPath says.
//
// It promises that the output is in the order of the input, that a record is never cut, and that what cannot be
// split, filtered or joined is an error that says which record it was. It must not know containers, S3 or
// jobs. Source: facts sagemaker 1.6.
package batch

import (
	"errors"
	"fmt"
)

// Split is how an object becomes records.
type Split string

const (
	Whole    Split = "None" // the object is one record
	Line     Split = "Line"
	RecordIO Split = "RecordIO"
	TFRecord Split = "TFRecord"
)

// ErrTooLarge is that a record alone is more than one request may carry.
var ErrTooLarge = errors.New("the record is larger than the maximum payload")

// RecordError says which record of an object is at fault, counted from 1.
type RecordError struct {
	Record int
	Err    error
}

func (e *RecordError) Error() string { return fmt.Sprintf("record %d: %v", e.Record, e.Err) }

func (e *RecordError) Unwrap() error { return e.Err }
