package sagemaker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"cloister/internal/machine/executor"
)

// blame is why a job failed whose container ended so, in AWS's words; "" when it did not fail. said is
// what the container left as its own reason.
func (r *jobRun) blame(exit executor.Exit, said func() string) string {
	if exit.Error != "" {
		r.Log.Warn("container could not be started", "job", r.st().ARN, "error", exit.Error)
	}
	switch {
	case exit.OutOfMemory:
		return outOfMemory
	case exit.Code == 0:
		return ""
	case exit.Error != "":
		return clip(fmt.Sprintf("AlgorithmError: The container could not be started%s, exit code: %d", cause(exit.Error), exit.Code))
	}
	return clip(fmt.Sprintf("AlgorithmError: %s, exit code: %d", clip(said()), exit.Code))
}

// cause is the part of a runtime's complaint that speaks of the image and not of this machine.
func cause(complaint string) string {
	if i := strings.LastIndex(complaint, "exec: "); i >= 0 && !strings.Contains(complaint[i:], "\n") {
		return ": " + complaint[i+len("exec: "):]
	}
	return ""
}

// malformed is what an executor says of what no process can have.
func malformed(err error) string {
	_, why, _ := strings.Cut(err.Error(), executor.ErrMalformed.Error()+": ")
	return why
}

// left gives the beginning of a file that a container left below base. The container chose what lies
// there, so only a regular file inside base is read.
func (r *jobRun) left(base, name string) []byte {
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			r.Log.Warn("a job's file cannot be read", "job", r.st().ARN, "file", name, "error", err)
		}
		return nil
	}
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, longestReason*utf8.UTFMax))
	if err != nil {
		return nil
	}
	return b
}
