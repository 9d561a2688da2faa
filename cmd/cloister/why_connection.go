package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"cloister/internal/service/ec2"
)

// connectionFlags ask why packets do not arrive: of an interface, or of the hosts of a job, of which why_job.go tells.
type connectionFlags struct {
	From     string `help:"A network interface: say whether it reaches --to, and what is missing."`
	To       string `help:"host:port, a name or an address. With --job, the port at which its hosts listen." `
	Job      string `help:"A job, running or ended: say why it failed, a tuning job's trials too, and whether its hosts reach S3 and each other. It may be a training, processing, transform, compilation, tuning or Inference Recommender job; where several kinds have one of the name, all are told of."`
	Protocol string `help:"tcp, udp or icmp." default:"tcp" enum:"tcp,udp,icmp"`
	Region   string `help:"The region; by default the first."`
}

func (f *connectionFlags) asked() bool { return f.From != "" || f.To != "" || f.Job != "" }

// connections asks about one connection or a job's.
func (w *whyCommand) connections(api *client) error {
	if w.Region != "" {
		if err := api.serves(w.Region); err != nil {
			return err
		}
		api.Region = w.Region
	}
	switch {
	case w.RequestID != "" || w.Trail, w.From == "" && w.Job == "", w.From != "" && w.Job != "", w.From != "" && w.To == "":
		return errors.New("say one of: a request id; --from eni-… with --to host:port; --job NAME")
	case w.From != "":
		e, err := explain(api, map[string]any{"NetworkInterfaceId": w.From, "To": w.To, "Protocol": w.Protocol})
		if err != nil {
			return err
		}
		return w.print(e, func() string { return tellConnection("", e) })
	}
	return w.ofJob(api)
}

// print tells of something in the form that is asked for.
func (w *whyCommand) print(what any, tell func() string) error {
	if !w.JSON {
		fmt.Print(tell())
		return nil
	}
	b, err := json.Marshal(what)
	if err == nil {
		fmt.Println(string(b))
	}
	return err
}

// explain asks about one connection.
func explain(api *client, in map[string]any) (*ec2.Explanation, error) {
	var out struct{ Explanation string }
	if err := api.json(context.Background(), "ExplainConnection", in, &out); err != nil {
		return nil, err
	}
	e := &ec2.Explanation{}
	return e, json.Unmarshal([]byte(out.Explanation), e)
}

// tellConnection tells the ways of a connection.
func tellConnection(what string, e *ec2.Explanation) string {
	var b strings.Builder
	if what == "" {
		what = e.To
	}
	say(&b, "From %s (%s in %s) to %s, %s", strings.TrimSuffix(e.From, " at "+e.Address), e.Address, e.Subnet, what, e.Protocol)
	if e.Note != "" {
		say(&b, "  => no packet is sent: %s", e.Note)
	}
	for _, way := range e.Ways {
		say(&b, "  %s", way.Target)
		for _, h := range way.Hops {
			say(&b, "    %s", h)
		}
		if way.Reaches {
			say(&b, "    => arrives: %s %s", way.End, way.At)
			continue
		}
		say(&b, "    => does not arrive: %s", way.Why)
		if way.Remedy != "" {
			say(&b, "    => %s", way.Remedy)
		}
	}
	return b.String()
}
