package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// service is what shapes.txt says of one service.
type service struct {
	id, model  string
	validation string
	hidden     bool
	parameter  bool
	only       []*regexp.Regexp
	drop       []string
	root, text map[string]string
	most       map[string]float64 // by shape: what replaces its max
}

func (s *service) wants(operation string) bool {
	if slices.Contains(s.drop, operation) {
		return false
	}
	return len(s.only) == 0 || slices.ContainsFunc(s.only, func(r *regexp.Regexp) bool { return r.MatchString(operation) })
}

func readPlan(path string) ([]*service, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []*service
	in := bufio.NewScanner(f)
	for n := 1; in.Scan(); n++ {
		words := strings.Fields(in.Text())
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if len(words) < 3 {
			return nil, fmt.Errorf("%s:%d: too few words", path, n)
		}
		if words[0] == "service" {
			all = append(all, &service{id: words[1], root: map[string]string{}, text: map[string]string{}, most: map[string]float64{}})
		}
		i := slices.IndexFunc(all, func(s *service) bool { return s.id == words[1] })
		if i < 0 {
			return nil, fmt.Errorf("%s:%d: no service %s", path, n, words[1])
		}
		if err := all[i].instruct(words[0], words[2:]); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	return all, in.Err()
}

func (s *service) instruct(verb string, words []string) error {
	switch {
	case verb == "service":
		s.model = words[0]
		for _, w := range words[1:] {
			switch k, v, _ := strings.Cut(w, "="); {
			case k == "validation":
				s.validation = v
			case w == "values=hidden":
				s.hidden = true
			case w == "sentence=parameter":
				s.parameter = true
			default:
				return fmt.Errorf("unknown setting %q", w)
			}
		}
	case verb == "only":
		for _, w := range words {
			r, err := regexp.Compile("^(?:" + w + ")$")
			if err != nil {
				return err
			}
			s.only = append(s.only, r)
		}
	case verb == "drop":
		s.drop = append(s.drop, words...)
	case verb == "root" && len(words) == 2:
		s.root[words[0]] = words[1]
	case verb == "max" && len(words) == 2:
		most, err := strconv.ParseFloat(words[1], 64)
		if err != nil {
			return err
		}
		s.most[words[0]] = most
	case verb == "text" && len(words) == 2:
		s.text[words[0]] = words[1]
	default:
		return fmt.Errorf("unknown instruction %q", verb)
	}
	return nil
}
