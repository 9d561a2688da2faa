package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"cloister/internal/engine/reach"
	"cloister/internal/value/network"
)

// execCommand runs a program at a place: the place decides what a call is.
type execCommand struct {
	Internet      bool     `help:"On Cloister's internet, where default host names are the public doors." xor:"place"`
	Subnet        string   `help:"In this subnet, with an interface of its own." xor:"place"`
	SecurityGroup []string `help:"Security groups of the interface; the VPC's default group without any."`
	Region        string   `help:"The program's region; by default the subnet's, or the first."`
	Role          string   `help:"ARN of a role that trusts ec2.amazonaws.com: the program finds its credentials where instances do, and no keys." xor:"who"`
	As            string   `help:"Profile of the credentials file whose keys the program gets; default without --role." xor:"who"`
	Owner         string   `help:"Profile that makes the interface." default:"default" hidden:""`
	Command       []string `arg:"" passthrough:"" help:"Program and arguments."`
}

// internetHost is the host that always stands on Cloister's internet.
const internetHost = "internet"

// Run makes the interface, runs the program inside and takes the interface away again.
func (e *execCommand) Run(c *commands) error {
	f := place{c.Data}
	if e.Internet == (e.Subnet != "") {
		return errors.New("say where: --internet, or --subnet with --security-group")
	}
	if e.Role != "" && e.Subnet == "" {
		return errors.New("--role is for programs in a subnet: give --subnet")
	}
	if e.Role != "" && !strings.HasPrefix(e.Role, "arn:") {
		return fmt.Errorf("--role takes a role's ARN, which `aws iam get-role --role-name %s --query Role.Arn` tells", e.Role)
	}
	api, err := f.client(e.Owner)
	if err != nil {
		return err
	}
	if err := e.known(f, api.instance); err != nil {
		return err
	}
	command := e.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return errors.New("say what to run, after --")
	}
	ctx := context.Background()
	place, conf := internetHost, network.Resolver{Servers: []netip.Addr{reach.PublicResolver}}
	if e.Subnet != "" {
		var vpc string
		place, vpc, err = attachAnywhere(ctx, api, e.Subnet, e.SecurityGroup)
		if err != nil {
			return err
		}
		defer func() {
			if err := api.ec2(ctx, "DeleteNetworkInterface", nil, "NetworkInterfaceId", place); err != nil {
				fmt.Fprintln(os.Stderr, "cloister: interface left behind:", err)
			}
		}()
		if e.Role != "" {
			if err := api.json(ctx, "GrantRole", map[string]string{"NetworkInterfaceId": place, "RoleArn": e.Role}, new(struct{})); err != nil {
				return err
			}
		}
		conf = told(ctx, api, vpc)
	}
	api.Region = cmp.Or(e.Region, api.Region)
	return inside(f, api.instance, place, conf.Conf(), e.keys(f), command)
}

// known tells of a profile or a region that is not there, which the program could tell in its own words only.
func (e *execCommand) known(f place, i instance) error {
	if e.Region != "" {
		if err := i.serves(e.Region); err != nil {
			return err
		}
	}
	if e.As == "" {
		return nil
	}
	keys, err := hasProfile(f.credentials(), e.As)
	settings, _ := hasProfile(f.path("config"), "profile "+e.As) // which need not be there
	if err == nil && !keys && !settings {
		err = noProfile(f.credentials(), e.As)
	}
	return err
}

// keys are the settings by which the program finds its credentials: a profile's keys, or nothing but the
// instance metadata of its interface.
func (e *execCommand) keys(f place) []string {
	if e.Role != "" {
		return []string{"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_CONFIG_FILE=" + os.DevNull}
	}
	return []string{"AWS_SHARED_CREDENTIALS_FILE=" + f.credentials(), "AWS_PROFILE=" + cmp.Or(e.As, "default"), "AWS_CONFIG_FILE=" + f.path("config"),
		"AWS_EC2_METADATA_DISABLED=true"}
}

// attachAnywhere is attach in the region that has the subnet; from then on the client is of that region.
func attachAnywhere(ctx context.Context, api *client, subnet string, groups []string) (id, vpc string, err error) {
	first := api.Region
	for _, r := range api.Regions {
		api.Region = r
		found, of, wrong := attach(ctx, api, subnet, groups)
		if wrong == nil {
			return found, of, nil
		}
		if r == first {
			err = wrong // which says more of a subnet that is nowhere
		}
		if !strings.Contains(wrong.Error(), "InvalidSubnetID.NotFound") {
			return "", "", wrong
		}
	}
	return "", "", err
}

// attach makes a network interface for the program.
func attach(ctx context.Context, api *client, subnet string, groups []string) (id, vpc string, err error) {
	pairs := []string{"SubnetId", subnet, "Description", "cloister exec"}
	n := 0
	for _, g := range groups {
		for _, id := range strings.FieldsFunc(g, func(r rune) bool { return r == ',' || r == ' ' }) {
			n++
			pairs = append(pairs, "SecurityGroupId."+strconv.Itoa(n), id)
		}
	}
	var out struct {
		ID  string `xml:"networkInterface>networkInterfaceId"`
		VPC string `xml:"networkInterface>vpcId"`
	}
	if err := api.ec2(ctx, "CreateNetworkInterface", &out, pairs...); err != nil {
		return "", "", err
	}
	return out.ID, out.VPC, nil
}

// told is what the DHCP options of a VPC tell of its network. Whoever may not read them uses the VPC's
// own resolver.
func told(ctx context.Context, api *client, vpc string) network.Resolver {
	own := network.Resolver{Servers: []netip.Addr{reach.LinkLocalResolver}}
	var of struct {
		ID string `xml:"vpcSet>item>dhcpOptionsId"`
	}
	if err := api.ec2(ctx, "DescribeVpcs", &of, "VpcId.1", vpc); err != nil || !strings.HasPrefix(of.ID, "dopt-") {
		return own
	}
	var set struct {
		Options []struct {
			Key    string   `xml:"key"`
			Values []string `xml:"valueSet>item>value"`
		} `xml:"dhcpOptionsSet>item>dhcpConfigurationSet>item"`
	}
	if err := api.ec2(ctx, "DescribeDhcpOptions", &set, "DhcpOptionsId.1", of.ID); err != nil {
		return own
	}
	var servers []netip.Addr
	for _, o := range set.Options {
		switch o.Key {
		case "domain-name":
			own.Domain = o.Values[0]
		case "domain-name-servers":
			for _, text := range o.Values {
				if a, err := netip.ParseAddr(text); err == nil {
					servers = append(servers, a)
				}
			}
		}
	}
	if len(servers) > 0 {
		own.Servers = servers
	}
	return own
}

// inside starts the second half in the namespace of the place and waits for it.
func inside(f place, i instance, place, conf string, keys, command []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{self, "--data", f.data, "inside", "--run", i.Run, "--place", place, "--resolver", conf, "--"}
	args = append(args, command...)
	if i.Rootless {
		// The namespaces of a rootless server are children of its user namespace: enter that first.
		enter := []string{"nsenter", "--preserve-credentials", "-U", "-m", "-p", "-t", strconv.Itoa(i.PID), "--wd=" + workingDirectory()}
		args = append(enter, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = environment(i, keys)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		for s := range signals {
			cmd.Process.Signal(s) //nolint:errcheck // it may have ended already
		}
	}()
	return cmd.Wait()
}

func workingDirectory() string {
	d, err := os.Getwd()
	if err != nil {
		return "/"
	}
	return d
}

// kept are the AWS settings that lead a client nowhere else and so may come along.
var kept = map[string]bool{"AWS_PAGER": true, "AWS_MAX_ATTEMPTS": true, "AWS_RETRY_MODE": true, "AWS_DEFAULT_OUTPUT": true}

// environment is the caller's, with what an AWS client needs at a place: keys, the CA, the region, and
// none of the settings that would lead it elsewhere.
func environment(i instance, keys []string) []string {
	var out []string
	for _, kv := range os.Environ() {
		k, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(k, "AWS_") && !kept[k] || strings.HasSuffix(strings.ToLower(k), "_proxy") {
			continue
		}
		out = append(out, kv)
	}
	return append(append(out, keys...),
		"AWS_REGION="+i.Region, "AWS_DEFAULT_REGION="+i.Region, "AWS_CA_BUNDLE="+i.CA, "SSL_CERT_FILE="+i.CA,
		"REQUESTS_CA_BUNDLE="+i.CA, "CURL_CA_BUNDLE="+i.CA)
}

// exitCode is the code of the program that exec ran.
func exitCode(err error) (int, bool) {
	var x *exec.ExitError
	if !errors.As(err, &x) {
		return 0, false
	}
	if s, ok := x.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal()), true
	}
	return x.ExitCode(), true
}
