package main

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"cloister/internal/door"
	"cloister/internal/frame/api"
	"cloister/internal/frame/audit"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/blob/files"
	"cloister/internal/machine/certificate"
	"cloister/internal/machine/executor"
	"cloister/internal/machine/executor/runc"
	"cloister/internal/machine/fabric"
	"cloister/internal/machine/fabric/linux"
	"cloister/internal/machine/image"
	"cloister/internal/machine/store"
	"cloister/internal/service/cloister"
	"cloister/internal/service/ec2"
	"cloister/internal/service/ecr"
	"cloister/internal/service/elasticloadbalancing"
	"cloister/internal/service/iam"
	"cloister/internal/service/logs"
	"cloister/internal/service/organizations"
	"cloister/internal/service/route53"
	"cloister/internal/service/route53resolver"
	"cloister/internal/service/s3"
	"cloister/internal/service/sagemaker"
	"cloister/internal/service/sagemakerruntime"
	"cloister/internal/service/sts"
	"cloister/internal/value/caller"
	"cloister/internal/value/catalogue"
)

// machines are the parts that have side effects.
type machines struct {
	db        *store.DB
	fabric    fabric.Fabric
	executor  executor.Executor
	images    *image.Store
	blobs     *files.Store
	authority *certificate.Authority
}

// house is everything, wired: who knows whom stands here and nowhere else.
type house struct {
	machines
	directory *directory.Directory
	audit     *audit.Log
	log       *slog.Logger
	door      *door.Door
	metadata  *door.Metadata
	iam       *iam.Service
	s3        *s3.Service
	cloister  *cloister.Service
	orgs      *organizations.Service
	regions   []*region // the first one first
}

// openMachines opens what the house stands on. What was opened before an error is closed by the end
// of the process, which follows.
func openMachines(ctx context.Context, f place, c config, rootless bool, log *slog.Logger) (m machines, err error) {
	if m.db, err = store.Open(ctx, f.database(), time.Now); err != nil {
		return m, err
	}
	m.authority, err = certificate.Open(f.authority(), certificate.Config{
		Accept: func(name string) bool {
			return name == "localhost" || slices.ContainsFunc(c.served(), func(r string) bool {
				_, _, ok := catalogue.ByHost(r, name)
				return ok
			})
		},
		Default: []string{"localhost"}, Now: time.Now,
	})
	if err != nil {
		return m, err
	}
	if m.blobs, err = files.Open(f.blobs()); err != nil {
		return m, err
	}
	if m.images, err = image.Open(f.images(), image.Options{Rootless: rootless}); err != nil {
		return m, err
	}
	kernel := linux.Config{Directory: c.Run, Logger: log, Idle: c.IdleTimeout, Tunnels: c.tunnels()}
	if rootless {
		kernel.NoTunnels = "a rootless Cloister has no way to the host's network"
	}
	if m.fabric, err = linux.Open(kernel); err != nil {
		return m, err
	}
	m.executor, err = openExecutor(f, rootless, log)
	return m, err
}

func openExecutor(f place, rootless bool, log *slog.Logger) (*runc.Executor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return runc.Open(runc.Config{Directory: f.containers(), Shim: []string{self, "shim"}, CgroupParent: f.cgroup(), Rootless: rootless, Logger: log})
}

// wire makes the services and ties the one knot: they call each other through the door they stand behind.
func wire(f place, c config, m machines, log *slog.Logger) (*house, error) {
	key, err := f.key("session.key")
	if err != nil {
		return nil, err
	}
	h := &house{machines: m, directory: directory.New(key, time.Now), audit: audit.New(m.db, log), log: log}
	upstreams, err := c.upstreams()
	if err != nil {
		return nil, err
	}
	h.door = door.New(door.Config{Region: c.Region, Others: c.served()[1:], Directory: h.directory, Audit: h.audit, Log: log, Clock: time.Now, Upstreams: upstreams, IdleTimeout: c.IdleTimeout})
	issuers, err := c.issuers()
	if err != nil {
		return nil, err
	}
	h.iam = &iam.Service{DB: m.db, Directory: h.directory}
	w, err := newWiring(f, c, m, log, h)
	if err != nil {
		return nil, err
	}
	r53 := &route53.Service{DB: m.db, Region: c.Region, Network: w}
	h.s3 = &s3.Service{DB: m.db, Blobs: m.blobs, Directory: h.directory, Region: c.Region, Log: log}
	h.cloister = &cloister.Service{Audit: h.audit, DB: m.db, Founder: h, Home: c.Account, Client: h.door, Interfaces: h.interfaces, Jobs: h.jobs, Clock: time.Now, Region: c.Region}
	h.orgs = &organizations.Service{DB: m.db, Directory: h.directory, Accounts: h.cloister, Client: h.door, Log: log}
	global, err := bind(h.iam, &sts.Service{Directory: h.directory, Client: h.door, Issuers: issuers, Now: time.Now}, r53, h.s3, h.cloister, h.orgs)
	if err != nil {
		return nil, err
	}
	h.door.Open(global...)
	holders := []door.Holder{instances{h.cloister}}
	for i, name := range c.served() {
		r, err := w.region(i, name, r53)
		if err != nil {
			return nil, err
		}
		h.regions = append(h.regions, r)
		h.door.OpenIn(name, r.services...)
		holders = append(holders, containers{r.sagemaker})
	}
	m.fabric.Observe(observer{w.fabric, h.regions})
	h.metadata = door.NewMetadata(time.Now, log, holders...)
	return h, nil
}

// host is the most that one container can have here: all cores, and most of the memory.
func host() sagemaker.Capacity {
	c := sagemaker.Capacity{CPUs: float64(runtime.NumCPU())}
	var i unix.Sysinfo_t
	if err := unix.Sysinfo(&i); err == nil {
		c.Memory = int64(i.Totalram) * int64(i.Unit) / 10 * 9
	}
	return c
}

// identify tells whose temporary credentials these are.
func (h *house) identify(accessKey, token string) (caller.Identity, error) {
	_, id, err := h.directory.Secret(accessKey, token)
	return id, err
}

// houseRoles puts the roles by which services keep house in an account on record.
func (h *house) houseRoles(ctx context.Context, account string) error {
	var all []iam.LinkedRole
	for _, r := range sagemaker.ServiceLinkedRoles {
		all = append(all, iam.LinkedRole(r))
	}
	for _, r := range route53resolver.ServiceLinkedRoles {
		all = append(all, iam.LinkedRole(r))
	}
	for _, r := range elasticloadbalancing.ServiceLinkedRoles {
		all = append(all, iam.LinkedRole(r))
	}
	for _, r := range organizations.ServiceLinkedRoles {
		all = append(all, iam.LinkedRole(r))
	}
	return h.iam.Furnish(ctx, account, all)
}

// Furnish furnishes an account while the server runs.
func (h *house) Furnish(ctx context.Context, account string) error {
	if err := h.houseRoles(ctx, account); err != nil {
		return err
	}
	for _, r := range h.regions {
		if err := r.ec2.Found(ctx, account); err != nil {
			return err
		}
	}
	return nil
}

// Found gives the first key of an account's root, too.
func (h *house) Found(ctx context.Context, account string) (key, secret string, made bool, err error) {
	if err := h.Furnish(ctx, account); err != nil {
		return "", "", false, err
	}
	return h.iam.Root(ctx, account)
}

// binder is a service package's way to hand over its operations.
type binder interface{ Bind() (*api.Service, error) }

func bind(all ...binder) ([]*api.Service, error) {
	var out []*api.Service
	for _, b := range all {
		s, err := b.Bind()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// bindAll binds every service to nothing, for those who only want to know the operations.
func bindAll() ([]*api.Service, error) {
	return bind(new(iam.Service), new(sts.Service), new(elasticloadbalancing.Service), new(ec2.Service), new(route53.Service), new(route53resolver.Service), new(s3.Service), new(ecr.Service), ecr.Registry{}, new(logs.Service),
		new(sagemaker.Service), new(sagemakerruntime.Service), new(cloister.Service), new(organizations.Service))
}

// containers are told the credentials that SageMaker lends them.
type containers struct{ *sagemaker.Service }

// Held is door.Holder.
func (c containers) Held(ctx context.Context, eni string) (door.Held, bool, error) {
	l, ok, err := c.Service.Held(ctx, eni)
	return door.Held{Path: l.Path, RoleARN: l.RoleARN, AccessKey: l.AccessKey, Secret: l.Secret, Token: l.Session, Updated: l.Updated, Expires: l.Expires}, ok, err
}

// instances are told the credentials of the roles that they were granted.
type instances struct{ *cloister.Service }

// Held is door.Holder.
func (i instances) Held(ctx context.Context, eni string) (door.Held, bool, error) {
	g, ok, err := i.Service.Held(ctx, eni)
	return door.Held{RoleARN: g.Role, ProfileARN: strings.Replace(g.Role, ":role/", ":instance-profile/", 1),
		AccessKey: g.AccessKey, Secret: g.Secret, Token: g.Token, Updated: g.Updated, Expires: g.Expires}, ok, err
}
