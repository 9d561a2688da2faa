package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"cloister/internal/service/ec2"
	"cloister/internal/service/sagemaker"
	"cloister/internal/value/catalogue"
)

// config is every setting of `cloister serve`. It is read from <data>/config.yaml, then from flags.
type config struct {
	// Region is the first region, which names without one belong to. Names, ARNs and signatures carry it. It
	// stays what it was at the first start.
	Region string `yaml:"region" help:"The first region that is served." default:"us-east-1"`
	// Regions are the others that are served, as [eu-west-1].
	Regions []string `yaml:"regions" help:"Other regions that are served."`
	// Account is the twelve-digit id of the first account.
	Account string `yaml:"account" help:"Id of the first account." default:"123456789012"`
	// Listen is the public door on the host, for callers outside every VPC. Only loopback is safe:
	// whoever reaches it may try credentials.
	Listen string `yaml:"listen" help:"Address of the public HTTPS door on this host." default:"127.0.0.1:8443"`
	// Run is where kernel objects are held; it must be on a file system that a reboot empties.
	Run string `yaml:"run" help:"Directory of kernel objects." default:"" type:"path"`
	// Internet says what is beyond Cloister's own internet: nothing (closed), or the network of this host
	// (uplink): then TCP connections from VPCs and from the internet host to addresses that nobody has
	// here go on from this host, in its name, but never to loopback, private or link-local addresses.
	Internet string `yaml:"internet" help:"What is beyond Cloister's own internet: closed or uplink." default:"closed" enum:"closed,uplink"`
	// Resolvers are DNS servers (address or address:port) that are asked for names which nobody here
	// knows. Empty: such names do not exist.
	Resolvers []string `yaml:"resolvers" help:"DNS servers to ask for names that nobody here knows."`
	// Tunnels is the address of this host on which VPN gateways listen, each on a UDP port of its own from
	// TunnelPort on. Customers are told it, so it must be one that they can reach; with loopback, only who
	// is on this host can.
	Tunnels    string `yaml:"tunnels" help:"Address of this host on which VPN gateways listen." default:"127.0.0.1"`
	TunnelPort int    `yaml:"tunnel_port" help:"UDP port of the first VPN gateway." default:"51820"`
	// IdleTimeout is how long a connection to an endpoint may carry nothing; AWS's is 350 seconds.
	IdleTimeout time.Duration `yaml:"idle_timeout" help:"How long a connection to an endpoint may be idle." default:"350s"`
	// FlowLogs is how often VPC flow logs are delivered.
	FlowLogs time.Duration `yaml:"flow_logs" help:"How often VPC flow logs are delivered." default:"60s"`
	// Services names upstreams for services that are not Cloister's own, by their ids, as
	// secretsmanager: https://vault.example: calls to them pass the door like all others and go on there.
	Services map[string]string `yaml:"services" kong:"-"`
	// ImageMirrors names registries to pull images from that nobody has here, by the beginnings of their names, as
	// 763104351884.dkr.ecr.us-east-1.amazonaws.com: https://user:password@registry.example/frameworks.
	ImageMirrors map[string]string `yaml:"image_mirrors" kong:"-"`
	// OIDCIssuers are the OpenID Connect issuers whose tokens STS verifies: url as their tokens name them, ca the
	// file of the certificate that vouches for theirs, if none of this host's does.
	OIDCIssuers []oidcIssuer `yaml:"oidc_issuers" kong:"-"`
	// Quotas raise or lower what an account may have, as AWS does for customers who ask.
	Quotas ec2.Quotas `yaml:"quotas" kong:"-"`
	// InstanceTypes are SageMaker's instance types that mean something else here than on AWS, or that are not
	// known without, as ml.trn1.2xlarge: {cpus: 8, memory: 32, available: 2}.
	InstanceTypes map[string]sagemaker.InstanceType `yaml:"instance_types" kong:"-"`
	// InstanceQuotas are the most instances that an account may use in a region, by AWS's names of the quotas, as
	// "ml.m5.large for training job usage": 4. A quota that is not here bounds nothing, except "ml.m5.large for training
	// warm pool usage" and its like: of these there are none, as on AWS for who has not asked.
	InstanceQuotas map[string]int `yaml:"instance_quotas" kong:"-"`
	// CompilerImage is the image that compiles models for SageMaker's compilation jobs. Without one they fail.
	CompilerImage string `yaml:"compiler_image" kong:"-"`
	// Debug makes the log talkative.
	Debug bool `yaml:"debug" help:"Log more."`
	// passing is nobody in what is shipped: see crashing.
	passing func(ctx context.Context, resource, point string)
}

// defaultData is /var/lib/cloister for root, else below the home directory.
func defaultData() string {
	if os.Geteuid() == 0 {
		return "/var/lib/cloister"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".cloister"
	}
	return filepath.Join(home, ".local", "share", "cloister")
}

// readConfig lays the file over what the flags gave, where the file speaks.
func readConfig(data string, c config) (config, error) {
	path := filepath.Join(data, "config.yaml")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if err := yaml.UnmarshalWithOptions(text, &c, yaml.Strict(), yaml.CustomUnmarshaler(readDuration)); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// readDuration names the value that is none, since the parser does not say where it stands.
func readDuration(d *time.Duration, text []byte) (err error) {
	said := strings.Trim(strings.TrimSpace(string(text)), `"'`)
	if *d, err = time.ParseDuration(said); err != nil {
		return fmt.Errorf("%q is no length of time, as 60s and 5m are", said)
	}
	return nil
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// Validate joins everything that is wrong.
func (c config) Validate() error {
	var wrong []error
	if !accountForm.MatchString(c.Account) {
		wrong = append(wrong, fmt.Errorf("account: %q is not twelve digits", c.Account))
	}
	if !regionForm.MatchString(c.Region) {
		wrong = append(wrong, fmt.Errorf("region: %q is not a region's name", c.Region))
	}
	for i, r := range c.Regions {
		switch {
		case !slices.Contains(catalogue.Regions, r):
			wrong = append(wrong, fmt.Errorf("regions: %q is no region of AWS that is known here", r))
		case r == c.Region || slices.Contains(c.Regions[:i], r):
			wrong = append(wrong, fmt.Errorf("regions: %s is there twice", r))
		}
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		wrong = append(wrong, fmt.Errorf("listen: %w", err))
	} else if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		wrong = append(wrong, fmt.Errorf("listen: %s is not a loopback address", host))
	}
	if c.Internet != "closed" && c.Internet != "uplink" {
		wrong = append(wrong, fmt.Errorf("internet: %q is neither closed nor uplink", c.Internet))
	}
	if c.IdleTimeout < time.Second {
		wrong = append(wrong, fmt.Errorf("idle_timeout: %s is less than a second", c.IdleTimeout))
	}
	if c.FlowLogs < time.Second {
		wrong = append(wrong, fmt.Errorf("flow_logs: %s is less than a second", c.FlowLogs))
	}
	if a, err := netip.ParseAddr(c.Tunnels); err != nil || a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
		wrong = append(wrong, fmt.Errorf("tunnels: %q is no address of a host", c.Tunnels))
	}
	if c.TunnelPort < 1 || c.TunnelPort > 65535 {
		wrong = append(wrong, fmt.Errorf("tunnel_port: %d is no port", c.TunnelPort))
	}
	if err := c.Quotas.Validate(); err != nil {
		wrong = append(wrong, fmt.Errorf("quotas: %w", err))
	}
	if err := sagemaker.ValidateTypes(c.InstanceTypes); err != nil {
		wrong = append(wrong, fmt.Errorf("instance_types: %w", err))
	}
	if err := sagemaker.ValidateQuotas(c.InstanceQuotas); err != nil {
		wrong = append(wrong, fmt.Errorf("instance_quotas: %w", err))
	}
	if _, err := c.recursors(); err != nil {
		wrong = append(wrong, err)
	}
	if _, err := c.upstreams(); err != nil {
		wrong = append(wrong, err)
	}
	if _, err := c.mirrors(); err != nil {
		wrong = append(wrong, err)
	}
	if _, err := c.issuers(); err != nil {
		wrong = append(wrong, fmt.Errorf("oidc_issuers: %w", err))
	}
	return errors.Join(wrong...)
}

// tunnels reads Tunnels, which Validate has seen.
func (c config) tunnels() netip.Addr {
	a, _ := netip.ParseAddr(c.Tunnels)
	return a
}

// served are all regions, the first one first.
func (c config) served() []string { return append([]string{c.Region}, c.Regions...) }

// recursors reads Resolvers.
func (c config) recursors() (out []netip.AddrPort, err error) {
	for _, text := range c.Resolvers {
		at, err := netip.ParseAddrPort(text)
		if a, plain := netip.ParseAddr(text); plain == nil {
			at, err = netip.AddrPortFrom(a, 53), nil
		}
		if err != nil {
			return nil, fmt.Errorf("resolvers: %q is no address", text)
		}
		out = append(out, at)
	}
	return out, nil
}

// upstreams reads Services.
func (c config) upstreams() (map[string]*url.URL, error) {
	out, wrong := map[string]*url.URL{}, []error(nil)
	for id, text := range c.Services {
		row, ok := catalogue.ByID(id)
		switch at, err := url.Parse(text); {
		case !ok:
			wrong = append(wrong, fmt.Errorf("services: %s is no service that is known here", id))
		case row.Unserved == nil:
			wrong = append(wrong, fmt.Errorf("services: %s is served by Cloister itself", id))
		case row.Unserved.Protocol == "":
			wrong = append(wrong, fmt.Errorf("services: %s cannot be handed on: its calls are not signed", id))
		case err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" || at.RawQuery != "" || at.Fragment != "" || at.User != nil:
			wrong = append(wrong, fmt.Errorf("services: %s: %q is no http(s) URL of a host and perhaps a path", id, text))
		default:
			out[id] = at
		}
	}
	return out, errors.Join(wrong...)
}
