// Package managed holds the policies that are AWS's own: a file for each, with its path, its id, the
// versions that are known of it and the document of the one in force.
//
// It promises that what it gives is the same for everybody and never changes. It must not know what a
// document means.
package managed

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Account stands where an ARN of a policy of AWS's has its owner.
const Account = "aws"

//go:embed policies/*.json
var files embed.FS

// Policy is one of AWS's policies.
type Policy struct {
	Name, Path, ID, Description string
	// Source says where the document is from.
	Source   string
	Created  time.Time
	Versions []Version // by number
	Default  string    // the version in force, and the one that Document is of
	Document string
}

// Version is one of a policy's versions.
type Version struct {
	ID      string
	Created time.Time
}

// ARN names the policy.
func (p *Policy) ARN() string { return "arn:aws:iam::" + Account + ":policy" + p.Path + p.Name }

// Linked tells whether the policy is for a service's own role and for nobody else.
func (p *Policy) Linked() bool { return strings.HasPrefix(p.Path, "/aws-service-role/") }

// file is how a policy is written down.
type file struct {
	Name, Path, ID, Description, Source, Created, Default string

	Versions map[string]string
	Document json.RawMessage
}

// All reads every policy, by name.
func All() ([]*Policy, error) {
	entries, err := files.ReadDir("policies")
	if err != nil {
		return nil, err
	}
	var all []*Policy
	for _, e := range entries {
		text, err := files.ReadFile("policies/" + e.Name())
		if err != nil {
			return nil, err
		}
		p, err := read(text)
		if err != nil {
			return nil, fmt.Errorf("managed policy %s: %w", e.Name(), err)
		}
		all = append(all, p)
	}
	return all, nil
}

func read(text []byte) (*Policy, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	created, err := time.Parse(time.DateOnly, f.Created)
	if err != nil {
		return nil, err
	}
	p := &Policy{Name: f.Name, Path: f.Path, ID: f.ID, Description: f.Description, Source: f.Source, Created: created, Default: f.Default,
		Document: strings.ReplaceAll(string(f.Document), "\n  ", "\n")} // as it stands by itself
	for id, day := range f.Versions {
		created, err := time.Parse(time.DateOnly, day)
		if err != nil {
			return nil, err
		}
		p.Versions = append(p.Versions, Version{id, created})
	}
	slices.SortFunc(p.Versions, func(a, b Version) int { return number(a.ID) - number(b.ID) })
	return p, nil
}

// number is what a version's id counts.
func number(id string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(id, "v"))
	return n
}
