package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"cloister/internal/value/catalogue"
)

// serveCommand is the daemon.
type serveCommand struct {
	config    `embed:""`
	profiling `embed:""`
	crashing  `embed:""`
}

// Run starts the parts in order and stops them in reverse.
func (s *serveCommand) Run(c *commands) error {
	f, conf, err := s.settings(c)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return serveRootless(f, conf)
	}
	if err := s.profiling.start(); err != nil {
		return err
	}
	return serve(f, conf)
}

func (s *serveCommand) settings(c *commands) (place, config, error) {
	f := place{c.Data}
	if err := os.MkdirAll(f.data, 0o700); err != nil {
		return f, config{}, err
	}
	s.config.passing = s.crashing.passing()
	conf, err := readConfig(f.data, s.config)
	if err != nil {
		return f, conf, err
	}
	if conf.Run == "" {
		conf.Run = defaultRun(f)
	}
	return f, conf, conf.Validate()
}

// defaultRun keeps instances with different data directories apart.
func defaultRun(f place) string { return filepath.Join("/run/cloister", f.name()) }

func serve(f place, conf config) error {
	// What lives is little (the records of recent calls) and each call leaves kilobytes of garbage:
	// collecting half as often takes 6 % off a call's processor time for 3 MB at idle.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	log := logger(conf.Debug)
	pid, rootless := os.Getpid(), inUserNamespace()
	if rootless {
		var err error
		if pid, err = settle(); err != nil {
			return fmt.Errorf("settle in namespaces: %w", err)
		}
	}
	if rootless && (conf.Internet == "uplink" || len(conf.Resolvers) > 0) {
		return errors.New("internet: uplink and resolvers need root: a rootless server has no way to the host's network")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// One server for one data directory: two would each undo the other's network.
	lock, err := f.take()
	if err != nil {
		return err
	}
	defer lock.Close()
	// The public door first: whether the address is free is the commonest thing to go wrong.
	public, err := listenPublic(ctx, conf.Listen)
	if err != nil {
		return fmt.Errorf("the public door: %w (choose another address with --listen)", err)
	}
	m, err := openMachines(ctx, f, conf, rootless, log)
	if err != nil {
		return err
	}
	h, err := wire(f, conf, m, log)
	if err != nil {
		return err
	}
	if err := h.load(ctx, f, conf); err != nil {
		return err
	}
	self := instance{PID: pid, Door: "https://" + public.Addr().String(), CA: m.authority.File(), Run: conf.Run,
		Region: conf.Region, Regions: conf.served(), Account: conf.Account, Rootless: rootless}
	if err := f.writeInstance(self); err != nil {
		return err
	}
	greet(f, self)
	err = h.run(ctx, public)
	log.Info("stopped")
	// The records last: everything above writes them until it has stopped.
	return errors.Join(err, m.fabric.Close(), m.db.Close())
}

// load fills the directory and brings the kernel to what is on record, before anybody may call.
func (h *house) load(ctx context.Context, f place, conf config) error {
	if err := h.settleRegion(ctx, conf); err != nil {
		return err
	}
	if err := h.iam.Load(ctx); err != nil {
		return fmt.Errorf("load iam: %w", err)
	}
	if err := h.s3.Load(ctx); err != nil {
		return fmt.Errorf("load s3: %w", err)
	}
	others, err := h.cloister.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("load accounts: %w", err)
	}
	for _, account := range append([]string{conf.Account}, others...) {
		if err := h.houseRoles(ctx, account); err != nil {
			return fmt.Errorf("account %s: %w", account, err)
		}
		for _, r := range h.regions {
			if err := r.ec2.Begin(ctx, account); err != nil {
				return fmt.Errorf("account %s in %s: %w", account, r.name, err)
			}
		}
	}
	if err := h.orgs.Load(ctx); err != nil {
		return fmt.Errorf("load organizations: %w", err)
	}
	for _, r := range h.regions {
		if err := r.ec2.Load(ctx); err != nil {
			return fmt.Errorf("load ec2 of %s: %w", r.name, err)
		}
		if err := r.ecr.Load(ctx); err != nil {
			return fmt.Errorf("load ecr of %s: %w", r.name, err)
		}
	}
	if err := h.watchTags(ctx); err != nil {
		return fmt.Errorf("load tags: %w", err)
	}
	if err := loadImages(ctx, h.images, conf); err != nil {
		return fmt.Errorf("load images: %w", err)
	}
	return f.firstCredentials(ctx, h.iam, conf)
}

// watchTags has the directory know the tags of every resource, as long as h lives.
func (h *house) watchTags(ctx context.Context) error {
	for _, r := range h.regions {
		for _, s := range r.tagged {
			if err := s.WatchTags(ctx, r.name, h.directory.SetTags); err != nil {
				return err
			}
		}
	}
	return nil
}

// run has every part run until ctx is done. Doors close first, so that what is in hand is finished by
// controllers that still run; they are cancelled with the same context but wait for their stage.
func (h *house) run(ctx context.Context, public net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	tls := h.authority.TLSConfig()
	g.Go(func() error { return h.audit.Run(ctx) })
	g.Go(func() error { return h.iam.Run(ctx) })
	for _, r := range h.regions {
		r.run(ctx, g)
	}
	g.Go(func() error {
		if err := h.orgs.Settle(ctx); err != nil {
			h.orgs.Log.Warn("accounts of organisations are not settled", "error", err)
		}
		return nil
	})
	g.Go(func() error { return h.s3.Run(ctx) })
	g.Go(func() error { return h.sweepImages(ctx) })
	g.Go(func() error { return h.door.Serve(ctx, public, tls) })
	g.Go(func() error { return h.door.Serve(ctx, h.fabric.Listener(), tls) })
	g.Go(func() error { return h.metadata.Serve(ctx, h.fabric.Metadata()) })
	return g.Wait()
}

// run has the parts of a region run.
func (r *region) run(ctx context.Context, g *errgroup.Group) {
	g.Go(func() error { return r.ec2.Run(ctx) })
	g.Go(func() error { return r.ecr.Run(ctx) })
	g.Go(func() error {
		if err := r.balancers.Settle(ctx); err != nil && ctx.Err() == nil {
			r.balancers.Log.Warn("load balancers are not settled", "error", err)
		}
		return nil
	})
	g.Go(func() error { return r.resolver.Run(ctx) })
	g.Go(func() error { return r.sagemaker.Run(ctx) })
}

func listenPublic(ctx context.Context, address string) (net.Listener, error) {
	if l, ok := inherited(); ok {
		return l, nil
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

func logger(debug bool) *slog.Logger {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// take locks the data directory for this process.
func (f place) take() (*os.File, error) {
	lock, err := os.OpenFile(f.lock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	// One that was killed lets go only when the kernel is done with it: wait a little.
	for deadline := time.Now().Add(3 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			lock.Close()
			return nil, fmt.Errorf("another Cloister is running with the data directory %s", f.data)
		}
	}
	return lock, nil
}

// greet says where everything is, on standard output, once.
func greet(f place, i instance) {
	fmt.Printf("Cloister serves %s, account %s\n", strings.Join(i.Regions, ", "), i.Account)
	fmt.Printf("  public door      %s\n", i.Door)
	fmt.Printf("  CA certificate   %s\n", i.CA)
	fmt.Printf("  credentials      %s (profile default: the account's root)\n", f.credentials())
	fmt.Printf("  services        ")
	told := map[string]bool{} // some have several names
	for _, s := range catalogue.Services {
		if s.Unserved == nil && !told[s.ID] {
			told[s.ID] = true
			fmt.Printf(" %s", s.ID)
		}
	}
	fmt.Printf("\n")
	if i.Rootless {
		fmt.Println("  rootless: containers have no CPU, memory or process limits, run as one user, and end with the server")
	}
	fmt.Printf("  next             eval \"$(cloister --data %s env)\"; aws sts get-caller-identity\n", f.data)
}
