package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/executor/runc"
	"cloister/internal/machine/fabric"
	"cloister/internal/machine/fabric/shared"
	"cloister/internal/machine/store"
	"cloister/internal/machine/tunnel/mesh"
	"cloister/internal/service/cloister"
	"cloister/internal/service/ec2"
	"cloister/internal/service/ecr"
	"cloister/internal/service/elasticloadbalancing"
	"cloister/internal/service/logs"
	"cloister/internal/service/route53"
	"cloister/internal/service/route53resolver"
	"cloister/internal/service/sagemaker"
	"cloister/internal/service/sagemakerruntime"
	"cloister/internal/value/caller"
)

// region is what each region has of its own: services over a part of the records and of the network. All else
// (accounts, identities, buckets, hosted zones) is the same in every one.
type region struct {
	name      string
	ec2       *ec2.Service
	ecr       *ecr.Service
	sagemaker *sagemaker.Service
	balancers *elasticloadbalancing.Service
	resolver  *route53resolver.Service
	tagged    []tagged
	services  []*api.Service
}

// tagged is a service whose resources have tags that decisions look at.
type tagged interface {
	WatchTags(ctx context.Context, region string, told func(arn string, tags []caller.Tag)) error
}

// wiring is what the regions are made with.
type wiring struct {
	config
	*house
	jobs      string
	fabric    *shared.Shared
	recursors []netip.AddrPort
	gpus      []string // the host's, as CDI files name them
	log       *slog.Logger
	own       map[string]bool // images that are made here
	mirrored  []mirrored
}

func newWiring(f place, c config, m machines, log *slog.Logger, h *house) (*wiring, error) {
	recursors, err := c.recursors()
	own := map[string]bool{}
	for _, names := range builtIn(c) {
		for _, name := range names {
			own[name] = true
		}
	}
	if err != nil {
		return nil, err
	}
	mirrors, err := c.mirrors()
	if err != nil {
		return nil, err
	}
	gpus, err := runc.Devices("nvidia.com/gpu")
	if err != nil {
		log.Warn("CDI files cannot be read: there are no GPUs", "error", err)
	}
	return &wiring{c, h, f.jobs(), shared.New(m.fabric, len(c.served())), recursors, gpus, log, own, mirrors}, nil
}

// part is the part of the database that has a region's records. The first region's are where they were
// before there were others.
func (w *wiring) part(name string) string {
	if name == w.Region {
		return ""
	}
	return name
}

// region makes the i-th region.
func (w *wiring) region(i int, name string, r53 *route53.Service) (*region, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	db, client, network := w.db.In(w.part(name)), w.door.In(name), w.fabric.Part(i)
	var others []string
	for _, other := range w.served() {
		if other != name {
			others = append(others, w.part(other))
		}
	}
	r := &region{name: name}
	r.resolver = route53resolver.New(db, client, name, w.log)
	r.balancers = &elasticloadbalancing.Service{DB: db, Client: client, Dialer: dialer{network}, Region: name, Log: w.log}
	r.ec2 = ec2.New(ec2.Config{
		DB: db, Directory: w.directory, Fabric: network, Region: name, Regions: w.served(), Others: others, Log: w.log, Quotas: w.Quotas,
		Parts: []ec2.Part{r.resolver.Part, r.balancers.Part, r53.Part}, Balancer: r.balancers.Balancer, TXT: r53.TXT, Domains: r53.Domains,
		Client: client, FlowWindow: w.FlowLogs, TunnelAddress: w.tunnels(), TunnelPort: w.TunnelPort,
		Uplink: w.Internet == "uplink", Recursors: w.recursors,
	})
	r.resolver.Network, r.balancers.Network = r.ec2, r.ec2
	r.ecr = &ecr.Service{DB: db, Blobs: w.blobs, Directory: w.directory, Client: client, Region: name, Log: w.log}
	invoke := sagemakerruntime.New(network, name)
	r.sagemaker = sagemaker.New(sagemaker.Config{
		DB: db, Client: client, Identify: w.identify, Network: network, Executor: w.executor, Images: images{w.images, puller{w.images, client, r.ecr, name, w.own}, w.mirrored}, Isolation: r.ec2, Meshes: mesh.New(),
		Traffic: invoke, Roots: w.authority.Pool(), Capacity: host(), Types: w.InstanceTypes, Quotas: w.InstanceQuotas, Compiler: w.CompilerImage, Directory: filepath.Join(w.jobs, w.part(name)), Region: name, Log: w.log,
		Clock: time.Now, Keeper: []string{self, "feed"}, Passing: w.passing,
	})
	l := &logs.Service{DB: db}
	r.tagged = []tagged{r.ec2, r.sagemaker, l, r.balancers, r.ecr}
	r.services, err = bind(r.ec2, r.resolver, r.balancers, r.ecr, ecr.Registry{Service: r.ecr}, l, r.sagemaker, invoke)
	return r, err
}

// beginning is what was so at the first start and cannot change: the records do not say it again.
type beginning struct{ Region string }

var beginnings = store.NewTable[beginning]("cloister_beginning")

// settleRegion refuses another first region than that of the first start.
func (h *house) settleRegion(ctx context.Context, c config) error {
	return h.db.Update(ctx, func(tx *store.Tx) error {
		b, err := beginnings.Get(tx, "")
		switch {
		case err != nil:
			return err
		case b == nil:
			return beginnings.Put(tx, "", &beginning{c.Region})
		case b.Region != c.Region:
			return fmt.Errorf("the first region is %s since the first start and cannot become %s: name that in regions, or take another data directory", b.Region, c.Region)
		}
		return nil
	})
}

// in finds a region by its name; nil when it is not served.
func (h *house) in(name string) *region {
	for _, r := range h.regions {
		if r.name == name {
			return r
		}
	}
	return nil
}

// interfaces are those of a region, for grants.
func (h *house) interfaces(name string) cloister.Interfaces {
	if r := h.in(name); r != nil {
		return r.ec2
	}
	return nobody{}
}

// jobs are those of a region.
func (h *house) jobs(name string) cloister.Jobs {
	if r := h.in(name); r != nil {
		return r.sagemaker
	}
	return nil
}

// nobody is the network of a region that is not served any more: it has no interfaces.
type nobody struct{}

func (nobody) Lend(_ context.Context, _, id string) error { return ec2.ErrNoInterface }
func (nobody) Explain(context.Context, string, string, string, []string, string, string, string) (string, bool, error) {
	return "", false, ec2.ErrNoInterface
}
func (nobody) Exists(context.Context, string, string) (bool, error) { return false, nil }

// Change is route53.Network's: what zones say is in force in every region when it returns.
func (w *wiring) Change(ctx context.Context, f func(tx *store.Tx) error) error {
	var waits []func(context.Context)
	err := w.regions[0].ec2.Change(ctx, func(tx *store.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		for _, r := range w.regions[1:] {
			waits = append(waits, r.ec2.Follow(tx))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, wait := range waits {
		wait(ctx)
	}
	return nil
}

// VPC is route53.Network's.
func (w *wiring) VPC(tx *store.Tx, name, account, id string) (found, names bool, err error) {
	r := w.in(name)
	if r == nil {
		return false, false, nil
	}
	return r.ec2.VPC(tx.In(w.part(name)), account, id)
}

// PrivateNames is route53.Network's.
func (w *wiring) PrivateNames(tx *store.Tx, name, account, vpc string) (map[string]string, error) {
	r := w.in(name)
	if r == nil {
		return nil, nil
	}
	return r.ec2.PrivateNames(tx.In(w.part(name)), account, vpc)
}

// EndpointZone is route53.Network's.
func (w *wiring) EndpointZone(id string) bool {
	return slices.ContainsFunc(w.regions, func(r *region) bool { return r.ec2.EndpointZone() == id })
}

// dialer tries targets of load balancers.
type dialer struct{ fabric.Fabric }

// Accepts tells whether a server accepts connections from an interface.
func (d dialer) Accepts(ctx context.Context, id string, to netip.AddrPort) bool {
	c, err := d.Dial(ctx, id, to)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
