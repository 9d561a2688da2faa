package main

import (
	"fmt"
	"sort"
	"strings"
)

// operationsCommand prints the coverage: docs/coverage.md is made of it.
type operationsCommand struct {
	Markdown bool `help:"As docs/coverage.md has it."`
}

// Run binds the services to nothing and lists what they define.
func (o *operationsCommand) Run() error {
	services, err := bindAll()
	if err != nil {
		return err
	}
	for _, s := range services {
		var names []string
		for n := range s.Operations {
			names = append(names, n)
		}
		sort.Strings(names)
		if !o.Markdown {
			for _, n := range names {
				fmt.Println(s.Model.ID + "." + n)
			}
			continue
		}
		fmt.Printf("\n## %s: %d of %d operations\n\n%s\n", s.Model.ID, len(names), len(s.Model.Operations), strings.Join(names, ", "))
	}
	return nil
}
