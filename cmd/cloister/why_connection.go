package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"cloister/internal/machine/tunnel/mesh"
	"cloister/internal/service/ec2"
)

// connectionFlags ask why packets do not arrive: of an interface, or of the hosts of a job.
type connectionFlags struct {
	From     string `help:"A network interface: say whether it reaches --to, and what is missing."`
	To       string `help:"host:port, a name or an address. With --job, the port at which its hosts listen." `
	Job      string `help:"A training, processing or transform job, running or ended: say whether its hosts reach S3 and each other."`
	Protocol string `help:"tcp, udp or icmp." default:"tcp" enum:"tcp,udp,icmp"`
	Region   string `help:"The region; by default the first."`
}

func (f *connectionFlags) asked() bool { return f.From != "" || f.To != "" || f.Job != "" }

// connections asks about one connection or a job's.
func (w *whyCommand) connections(api *client) error {
	if w.Region != "" {
		api.Region = w.Region
	}
	switch {
	case w.RequestID != "" || w.Trail, w.From == "" && w.Job == "", w.From != "" && w.Job != "", w.From != "" && w.To == "":
		return errors.New("say one of: a request id; --from eni-… with --to host:port; --job NAME")
	case w.From != "":
		return w.connection(api, "", map[string]any{"NetworkInterfaceId": w.From, "To": w.To, "Protocol": w.Protocol})
	}
	return w.ofJob(api)
}

// connection asks about one and tells it.
func (w *whyCommand) connection(api *client, what string, in map[string]any) error {
	var out struct{ Explanation string }
	if err := api.json(context.Background(), "ExplainConnection", in, &out); err != nil {
		return err
	}
	if w.JSON {
		fmt.Println(out.Explanation)
		return nil
	}
	var e ec2.Explanation
	if err := json.Unmarshal([]byte(out.Explanation), &e); err != nil {
		return err
	}
	fmt.Print(tellConnection(what, &e))
	return nil
}

// tellConnection tells the ways of a connection.
func tellConnection(what string, e *ec2.Explanation) string {
	var b strings.Builder
	if what == "" {
		what = e.To
	}
	fmt.Fprintf(&b, "From %s (%s in %s) to %s, %s\n", strings.TrimSuffix(e.From, " at "+e.Address), e.Address, e.Subnet, what, e.Protocol)
	if e.Note != "" {
		fmt.Fprintf(&b, "  => no packet is sent: %s\n", e.Note)
	}
	for _, way := range e.Ways {
		fmt.Fprintf(&b, "  %s\n", way.Target)
		for _, h := range way.Hops {
			fmt.Fprintf(&b, "    %s\n", h)
		}
		if way.Reaches {
			fmt.Fprintf(&b, "    => arrives: %s %s\n", way.End, way.At)
			continue
		}
		fmt.Fprintf(&b, "    => does not arrive: %s\n", way.Why)
		if way.Remedy != "" {
			fmt.Fprintf(&b, "    => %s\n", way.Remedy)
		}
	}
	return b.String()
}

// jobNetwork is the part of a description that says where a job runs, and why it failed.
type jobNetwork struct {
	VpcConfig     *vpcConfig
	NetworkConfig struct {
		VpcConfig *vpcConfig
		sealing
	}
	sealing
	ModelName     string
	FailureReason string
}

// sealing says whether what the hosts send each other is sealed.
type sealing struct{ EnableInterContainerTrafficEncryption bool }

type vpcConfig struct{ Subnets, SecurityGroupIds []string }

// network is where a job of any kind runs.
func (w *whyCommand) network(api *client) (job jobNetwork, err error) {
	describe := func(kind, name string, into *jobNetwork) error {
		return api.jsonTo(context.Background(), "sagemaker", "SageMaker.Describe"+kind, map[string]string{kind + "Name": name}, into)
	}
	for _, kind := range []string{"TrainingJob", "ProcessingJob", "TransformJob", "CompilationJob"} {
		wrong := describe(kind, w.Job, &job)
		if wrong == nil {
			if job.ModelName != "" { // whose network a transform job has
				return job, describe("Model", job.ModelName, &job)
			}
			return job, nil
		}
		if err == nil {
			err = wrong
		}
	}
	return job, err
}

// ofJob asks what the hosts of a job reach, or would: its interfaces may be gone by now, so it is asked about
// new ones in its subnets, with its groups.
func (w *whyCommand) ofJob(api *client) error {
	job, err := w.network(api)
	if err != nil {
		return err
	}
	vpc := job.VpcConfig
	if vpc == nil {
		vpc = job.NetworkConfig.VpcConfig
	}
	if vpc == nil {
		return fmt.Errorf("%s has no VpcConfig: it is in no network of the account's", w.Job)
	}
	if job.FailureReason != "" && !w.JSON {
		fmt.Printf("Failed: %s\n\n", job.FailureReason)
	}
	port := w.To
	if port == "" {
		port = ":49152"
	}
	if !strings.HasPrefix(port, ":") {
		return fmt.Errorf("--to %s: with --job it is a port, as :8080", w.To)
	}
	protocol := w.Protocol
	if job.EnableInterContainerTrafficEncryption || job.NetworkConfig.EnableInterContainerTrafficEncryption {
		protocol, port = "udp", fmt.Sprint(":", mesh.Port)
		if !w.JSON {
			fmt.Printf("What its hosts send each other is encrypted: to the groups it is UDP to port %d, whatever it was.\n\n", mesh.Port)
		}
	}
	for _, subnet := range vpc.Subnets {
		in := func(to string) map[string]any {
			return map[string]any{"SubnetId": subnet, "SecurityGroupIds": vpc.SecurityGroupIds, "To": to}
		}
		if err := w.connection(api, "", in("s3."+api.Region+".amazonaws.com:443")); err != nil {
			return err
		}
		for _, peer := range vpc.Subnets {
			ask := in(port)
			ask["PeerSubnetId"], ask["Protocol"] = peer, protocol
			if err := w.connection(api, "a host of the same groups in "+peer, ask); err != nil {
				return err
			}
		}
	}
	return nil
}
