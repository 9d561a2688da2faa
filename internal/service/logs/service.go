// Package logs is CloudWatch Logs as far as it really happens: groups, streams, events in, events out.
//
// It promises that an event it acknowledged is there after kill -9 and comes back once, in order of
// time. It must not know who writes what.
package logs

import (
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/fault"
)

var operations = api.NewSet[*Service]("logs")

var (
	notFound      = fault.Kind{Code: "ResourceNotFoundException", Status: 400}
	alreadyExists = fault.Kind{Code: "ResourceAlreadyExistsException", Status: 400}
	invalid       = fault.Kind{Code: "InvalidParameterException", Status: 400}
)

// Service is CloudWatch Logs over a store.
type Service struct{ DB *store.DB }

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// group is a log group.
type group struct {
	Account, Name string
	Created       int64             // ms since 1970
	Tags          map[string]string `json:",omitempty"`
}

// stream is a log stream; Next numbers its events.
type stream struct {
	Account, Group, Name                 string
	Created, First, Last, Ingested, Next int64
	Bytes                                int64
}

// event is one log event.
type event struct {
	Time, Ingested int64
	Text           string
}

var (
	groups  = store.NewTable[group]("logs_group")
	streams = store.NewTable[stream]("logs_stream")
	// events are keyed by account, group, stream, then time and number, so that key order is the
	// order of reading.
	events = store.NewTable[event]("logs_event")
)

// onGroup and onStream are the checks of operations on one group or stream. The service asks about a
// group as a stream without a name, which is why policies write log-group:NAME:*.
func onGroup(c *api.Call, action, name string) []api.Check {
	return []api.Check{{Action: "logs:" + action, Resource: c.ARN("logs", "log-group:"+name+":log-stream:")}}
}

func onStream(c *api.Call, action, name, stream string) []api.Check {
	return []api.Check{{Action: "logs:" + action, Resource: c.ARN("logs", "log-group:"+name+":log-stream:"+stream)}}
}

// named reads the two ways to name a group; the second may be an ARN.
func named(name, identifier *string) string {
	switch {
	case name != nil:
		return *name
	case identifier == nil:
		return ""
	}
	if a, err := arn.Parse(*identifier); err == nil {
		return strings.TrimSuffix(strings.TrimPrefix(a.Resource, "log-group:"), ":*")
	}
	return *identifier
}

func findGroup(tx *store.Tx, c *api.Call, name string) (*group, error) {
	if name == "" {
		return nil, invalid.New("One of logGroupName or logGroupIdentifier must be given.")
	}
	g, err := groups.Get(tx, store.Key(c.Account(), name))
	if err == nil && g == nil {
		err = notFound.New("The specified log group does not exist.")
	}
	return g, err
}

func findStream(tx *store.Tx, c *api.Call, group, name string) (*stream, error) {
	if _, err := findGroup(tx, c, group); err != nil {
		return nil, err
	}
	s, err := streams.Get(tx, store.Key(c.Account(), group, name))
	if err == nil && s == nil {
		err = notFound.New("The specified log stream does not exist.")
	}
	return s, err
}

// refuse names the first parameter that would be accepted and not acted on.
func refuse(set map[string]bool) error {
	for name, is := range set {
		if is {
			return invalid.New("%s is not supported by Cloister yet: remove it from the request.", name)
		}
	}
	return nil
}
