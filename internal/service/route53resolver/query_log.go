package route53resolver

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	"cloister/internal/value/shape/logs"
	shape "cloister/internal/value/shape/route53resolver"
)

// config says where questions are logged to.
type config struct {
	ID, Account, Name, Token, Destination string
	Tags                                  map[string]string `json:",omitempty"`
	Created                               time.Time
}

// association is that a VPC's questions are logged as a config says.
type association struct {
	ID, Account, Config, VPC string
	Created                  time.Time
	// Error and Why are of the last delivery, if that failed.
	Error, Why string `json:",omitempty"`
}

var (
	configs      = store.NewTable[config]("route53resolver.query_log_config")
	associations = store.NewTable[association]("route53resolver.query_log_association")
)

func findConfig(tx *store.Tx, account, id string) (*config, error) {
	q, err := configs.Get(tx, store.Key(account, id))
	if err == nil && q == nil {
		err = notFound.New("The specified query logging configuration doesn't exist: %s", id)
	}
	return q, err
}

// group is the name of the log group of a destination; not ok for what is none.
func group(destination string) (string, bool) {
	a, err := arn.Parse(destination)
	if err != nil || a.Service != "logs" {
		return "", false
	}
	name, ok := strings.CutPrefix(a.Resource, "log-group:")
	return strings.TrimSuffix(name, ":*"), ok && name != ""
}

func (s *Service) configShape(tx *store.Tx, q *config) (*shape.ResolverQueryLogConfig, error) {
	count := int32(0)
	all, err := associations.All(tx, store.Prefix(q.Account))
	for _, a := range all {
		if a.Config == q.ID {
			count++
		}
	}
	return &shape.ResolverQueryLogConfig{Id: &q.ID, OwnerId: &q.Account, Status: new("CREATED"), ShareStatus: new("NOT_SHARED"), AssociationCount: &count,
		Arn: new(s.arn("resolver-query-log-config", q.Account, q.ID)), Name: &q.Name, DestinationArn: &q.Destination, CreatorRequestId: &q.Token, CreationTime: shownTime(q.Created)}, err
}

func (a *association) aws(status string) *shape.ResolverQueryLogConfigAssociation {
	out := &shape.ResolverQueryLogConfigAssociation{Id: &a.ID, ResolverQueryLogConfigId: &a.Config, ResourceId: &a.VPC, Status: &status, Error: new("NONE"), ErrorMessage: new(""), CreationTime: shownTime(a.Created)}
	if a.Error != "" {
		out.Error, out.ErrorMessage = &a.Error, &a.Why
	}
	return out
}

// listener takes questions from those who answer them, who cannot wait.
type listener struct {
	queue chan network.Query
	lost  atomic.Uint64
}

const (
	queueLength = 8192
	batchLength = 2000
	batchWait   = time.Second
)

func newListener() *listener { return &listener{queue: make(chan network.Query, queueLength)} }

// Query takes a question to be logged; what cannot be taken is counted and lost.
func (s *Service) Query(q network.Query) {
	select {
	case s.heard.queue <- q:
	default:
		s.heard.lost.Add(1)
	}
}

// deliverQueries delivers what was heard, in batches, and the rest at the end.
func (s *Service) deliverQueries(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case first := <-s.heard.queue:
			batch := s.gather(ctx, first)
			if err := s.deliver(context.WithoutCancel(ctx), batch); err != nil {
				s.Log.Warn("queries are not logged", "queries", len(batch), "error", err)
			}
			if lost := s.heard.lost.Swap(0); lost > 0 {
				s.Log.Warn("queries were lost: more came than could be taken", "queries", lost)
			}
		}
	}
}

// gather takes what comes within a moment after the first.
func (s *Service) gather(ctx context.Context, first network.Query) []network.Query {
	batch := []network.Query{first}
	late := time.NewTimer(batchWait)
	defer late.Stop()
	for len(batch) < batchLength {
		select {
		case q := <-s.heard.queue:
			batch = append(batch, q)
		case <-late.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// deliver writes each question to all log groups that its VPC's are logged to.
func (s *Service) deliver(ctx context.Context, batch []network.Query) error {
	byVPC := map[string][]network.Query{}
	for _, q := range batch {
		byVPC[q.VPC] = append(byVPC[q.VPC], q)
	}
	var all []*association
	where := map[string]*config{}
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if all, err = associations.All(tx, ""); err != nil {
			return err
		}
		list, err := configs.All(tx, "")
		for _, c := range list {
			where[c.ID] = c
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, a := range all {
		to := where[a.Config]
		if to == nil || len(byVPC[a.VPC]) == 0 {
			continue
		}
		failed := s.send(ctx, a, to, byVPC[a.VPC])
		err = errors.Join(err, failed, s.told(ctx, a, failed))
	}
	return err
}

// told records whether the last delivery went well, if that is news.
func (s *Service) told(ctx context.Context, a *association, failed error) error {
	code, why := "", ""
	if f, ok := fault.As(failed); ok && strings.HasPrefix(f.Code, "AccessDenied") {
		code, why = "ACCESS_DENIED", f.Message
	} else if ok {
		code, why = "DESTINATION_NOT_FOUND", f.Message
	} else if failed != nil {
		code, why = "INTERNAL_SERVICE_ERROR", "The log group could not be written."
	}
	if code == a.Error && why == a.Why {
		return nil
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		key := store.Key(a.Account, a.ID)
		now, err := associations.Get(tx, key)
		if err != nil || now == nil {
			return err
		}
		now.Error, now.Why = code, why
		return associations.Put(tx, key, now)
	})
}

// send puts a VPC's questions into its stream, which it makes when there is none.
func (s *Service) send(ctx context.Context, a *association, to *config, list []network.Query) error {
	name, _ := group(to.Destination)
	put := &logs.PutLogEventsRequest{LogGroupName: &name, LogStreamName: new(a.VPC + "_" + a.Config)}
	last := int64(0)
	for i := range list {
		line, err := json.Marshal(lineOf(&list[i], a.Account, s.Region))
		if err != nil {
			return err
		}
		last = max(last, list[i].Time.UnixMilli()) // several ask at once: times may be a little out of order
		put.LogEvents = append(put.LogEvents, logs.InputLogEvent{Timestamp: new(last), Message: new(string(line))})
	}
	for len(put.LogEvents) > 0 {
		rest := put.LogEvents
		n, size := 0, 0
		for ; n < len(rest) && size < 900<<10; n++ {
			size += len(*rest[n].Message) + 26
		}
		put.LogEvents = rest[:n]
		if err := s.put(ctx, a.Account, put); err != nil {
			return err
		}
		put.LogEvents = rest[n:]
	}
	return nil
}

func (s *Service) put(ctx context.Context, account string, put *logs.PutLogEventsRequest) error {
	_, err := s.Client.Call(ctx, self(account), "logs", "PutLogEvents", put)
	if !fault.Is(err, "ResourceNotFoundException") {
		return err
	}
	_, err = s.Client.Call(ctx, self(account), "logs", "CreateLogStream", &logs.CreateLogStreamRequest{LogGroupName: put.LogGroupName, LogStreamName: put.LogStreamName})
	if err != nil && !fault.Is(err, "ResourceAlreadyExistsException") {
		return err
	}
	_, err = s.Client.Call(ctx, self(account), "logs", "PutLogEvents", put)
	return err
}

// line is a question as AWS logs it.
type line struct {
	Version   string            `json:"version"`
	Account   string            `json:"account_id"`
	Region    string            `json:"region"`
	VPC       string            `json:"vpc_id"`
	Time      string            `json:"query_timestamp"`
	Name      string            `json:"query_name"`
	Type      string            `json:"query_type"`
	Class     string            `json:"query_class"`
	Code      string            `json:"rcode"`
	Answers   []answer          `json:"answers"`
	Source    string            `json:"srcaddr"`
	Port      string            `json:"srcport"`
	Transport string            `json:"transport"`
	IDs       map[string]string `json:"srcids"`
}

type answer struct{ Rdata, Type, Class string }

func lineOf(q *network.Query, account, region string) *line {
	l := &line{Version: "1.100000", Account: account, Region: region, VPC: q.VPC, Time: q.Time.UTC().Format("2006-01-02T15:04:05Z"), Name: q.Name, Type: q.Type,
		Class: "IN", Code: q.Code, Answers: []answer{}, Source: q.Source.Addr().String(), Port: strconv.Itoa(int(q.Source.Port())), Transport: q.Transport, IDs: map[string]string{}}
	for _, a := range q.Answers {
		l.Answers = append(l.Answers, answer{a.Data, a.Type, "IN"})
	}
	return l
}
