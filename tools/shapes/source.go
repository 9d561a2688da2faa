package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// pairs is a JSON object whose order counts.
type pairs[T any] []pair[T]

type pair[T any] struct {
	name  string
	value T
}

func (p *pairs[T]) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		var v T
		if err := d.Decode(&v); err != nil {
			return fmt.Errorf("%v: %w", t, err)
		}
		*p = append(*p, pair[T]{t.(string), v})
	}
	return nil
}

type sourceModel struct {
	Metadata struct {
		APIVersion, EndpointPrefix, JSONVersion, Protocol, TargetPrefix, SigningName, XMLNamespace string
	}
	Operations map[string]*sourceOperation
	Shapes     map[string]*sourceShape
}

type sourceOperation struct {
	Name string
	HTTP struct {
		Method, RequestURI string
		ResponseCode       int
	}
	Input, Output *sourceMember
	ResultWrapper string
	Errors        []*sourceMember
}

type sourceShape struct {
	Type            string
	Members         pairs[*sourceMember]
	Member          *sourceMember
	Key, Value      *sourceMember
	Required        []string
	Enum            []string
	Pattern         string
	Min, Max        *float64
	Flattened       bool
	TimestampFormat string
	Document        bool
	Union           bool
	Sensitive       bool
	Streaming       bool
	EventStream     bool
	Payload         string
	LocationName    string
	XMLNamespace    namespace
	Exception       bool
	Error           struct {
		Code           string
		HTTPStatusCode int
	}
	Fault bool
}

type sourceMember struct {
	Shape            string
	Location         string
	LocationName     string
	QueryName        string
	Flattened        bool
	Streaming        bool
	XMLAttribute     bool
	XMLNamespace     namespace
	TimestampFormat  string
	JSONValue        bool
	IdempotencyToken bool
}

// namespace is written as a text or as an object.
type namespace struct{ uri, prefix string }

func (n *namespace) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &n.uri)
	}
	var o struct{ URI, Prefix string }
	err := json.Unmarshal(b, &o)
	n.uri, n.prefix = o.URI, o.Prefix
	return err
}

// readModel finds the newest version of a model in botocore's data, or a file of our own.
func readModel(botocore, own, name string) (*sourceModel, error) {
	path := filepath.Join(own, name)
	if !strings.HasSuffix(name, ".json") {
		found, err := filepath.Glob(filepath.Join(botocore, name, "*", "service-2.json*"))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("no model %s in %s", name, botocore)
		}
		sort.Strings(found)
		path = found[len(found)-1]
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	m := new(sourceModel)
	if err := json.NewDecoder(r).Decode(m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}
