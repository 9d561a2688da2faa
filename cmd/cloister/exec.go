package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"cloister/internal/engine/reach"
)

// execCommand runs a program at a place: the place decides what a call is.
type execCommand struct {
	Internet      bool     `help:"On Cloister's internet, where default host names are the public doors." xor:"place"`
	Subnet        string   `help:"In this subnet, with an interface of its own." xor:"place"`
	SecurityGroup []string `help:"Security groups of the interface; the VPC's default group without any."`
	As            string   `help:"Profile of the credentials file whose keys the program gets." default:"default"`
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
	api, err := f.client(e.Owner)
	if err != nil {
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
	place := internetHost
	if e.Subnet != "" {
		place, err = attach(ctx, api, e.Subnet, e.SecurityGroup)
		if err != nil {
			return err
		}
		defer func() {
			if err := api.ec2(ctx, "DeleteNetworkInterface", nil, "NetworkInterfaceId", place); err != nil {
				fmt.Fprintln(os.Stderr, "cloister: interface left behind:", err)
			}
		}()
	}
	return inside(f, api.instance, place, e.As, command)
}

// attach makes a network interface for the program.
func attach(ctx context.Context, api *client, subnet string, groups []string) (string, error) {
	pairs := []string{"SubnetId", subnet, "Description", "cloister exec"}
	n := 0
	for _, g := range groups {
		for _, id := range strings.FieldsFunc(g, func(r rune) bool { return r == ',' || r == ' ' }) {
			n++
			pairs = append(pairs, "SecurityGroupId."+strconv.Itoa(n), id)
		}
	}
	var out struct {
		ID string `xml:"networkInterface>networkInterfaceId"`
	}
	if err := api.ec2(ctx, "CreateNetworkInterface", &out, pairs...); err != nil {
		return "", err
	}
	return out.ID, nil
}

// inside starts the second half in the namespace of the place and waits for it.
func inside(f place, i instance, place, profile string, command []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{self, "--data", f.data, "inside", "--run", i.Run, "--place", place, "--resolver", resolver(place), "--"}
	args = append(args, command...)
	if i.Rootless {
		// The namespaces of a rootless server are children of its user namespace: enter that first.
		enter := []string{"nsenter", "--preserve-credentials", "-U", "-m", "-p", "-t", strconv.Itoa(i.PID), "--wd=" + workingDirectory()}
		args = append(enter, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = environment(f, i, profile)
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

// resolver is where a place finds its resolver.
func resolver(place string) string {
	if place == internetHost {
		return reach.PublicResolver.String()
	}
	return reach.LinkLocalResolver.String()
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
func environment(f place, i instance, profile string) []string {
	var out []string
	for _, kv := range os.Environ() {
		k, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(k, "AWS_") && !kept[k] || strings.HasSuffix(strings.ToLower(k), "_proxy") {
			continue
		}
		out = append(out, kv)
	}
	return append(out,
		"AWS_SHARED_CREDENTIALS_FILE="+f.credentials(), "AWS_PROFILE="+profile, "AWS_CONFIG_FILE="+f.path("config"),
		"AWS_REGION="+i.Region, "AWS_DEFAULT_REGION="+i.Region, "AWS_CA_BUNDLE="+i.CA, "SSL_CERT_FILE="+i.CA,
		"REQUESTS_CA_BUNDLE="+i.CA, "CURL_CA_BUNDLE="+i.CA, "AWS_EC2_METADATA_DISABLED=true")
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
