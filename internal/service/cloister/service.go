// Package cloister is the one service that AWS does not have: what Cloister tells about itself, and its
// accounts, by the same door and under the same policies as everything else.
//
// It promises that a caller learns only of calls made in the caller's own account, and that nobody but the
// first account is given the key of another's root. Who else may have accounts made is for others to say.
package cloister

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/audit"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/cloister"
)

var (
	operations = api.NewSet[*Service]("cloister")
	notFound   = fault.Kind{Code: "ResourceNotFound", Status: 400}
)

// Service answers for Cloister itself.
type Service struct {
	Audit   *audit.Log
	DB      *store.DB
	Founder Founder
	Home    string // the first account
	// Client, Interfaces (of a region; nil for none such), Clock and Region, the first one, are for grants of roles.
	Client     api.Client
	Interfaces func(region string) Interfaces
	Jobs       func(region string) Jobs
	Clock      func() time.Time
	Region     string
	sessions   sessions
}

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

var _ = api.Define(operations, "ExplainRequest", func(c *api.Call, _ *shape.ExplainRequestInput) []api.Check {
	return []api.Check{{Action: "cloister:ExplainRequest", Resource: "*"}}
}, (*Service).explainRequest)

// explainRequest gives the record of one call of the caller's account as a JSON text: without a request id, of the
// one that was denied last.
func (s *Service) explainRequest(ctx context.Context, c *api.Call, in *shape.ExplainRequestInput) (*shape.ExplainRequestOutput, error) {
	var e *audit.Entry
	var err error
	if in.RequestId == nil {
		e, err = s.Audit.Last(ctx, c.Account())
	} else {
		e, err = s.Audit.Find(ctx, c.Account(), *in.RequestId)
	}
	if err != nil {
		return nil, err
	}
	if e == nil && in.RequestId == nil {
		return nil, notFound.New("No denied call is on record in account %s.", c.Account())
	}
	if e == nil {
		return nil, notFound.New("No call with request id %s is on record in account %s. "+
			"Denied calls are kept until %d newer ones of the account push them out, others for its last %d calls; fewer where reasons are long.", *in.RequestId, c.Account(), audit.Kept, audit.Recent)
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", *in.RequestId, err)
	}
	return &shape.ExplainRequestOutput{RequestId: &e.RequestID, Explanation: new(string(text))}, nil
}
