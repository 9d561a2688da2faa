// Command cloister is a private cloud for machine learning: the SageMaker API behind real VPC
// endpoints, in one binary. `cloister serve` is the daemon; every other command is a customer of it.
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"cloister/cmd/cloister/algorithm"
	"cloister/internal/machine/executor/runc"
	"cloister/internal/machine/feed"
)

// commands is the whole command line; the text of each field is its help.
type commands struct {
	Data string `help:"Directory of everything that must outlive a restart." default:"${data}" env:"CLOISTER_DATA" type:"path"`

	Serve      serveCommand      `cmd:"" help:"Run Cloister until it is told to stop."`
	Exec       execCommand       `cmd:"" help:"Run a program inside a VPC, or on Cloister's internet."`
	Env        envCommand        `cmd:"" help:"Print the variables that an AWS client on this host needs."`
	Account    accountCommand    `cmd:"" help:"Make and list accounts."`
	Connect    connectCommand    `cmd:"" help:"Connect this host, and a network behind it, to a VPC."`
	Image      imageCommand      `cmd:"" help:"Load images for jobs and endpoints from files of this machine, and list them."`
	Why        whyCommand        `cmd:"" help:"Say why a call was allowed or denied (its path, every policy, what decided), why a job failed, or why packets do not arrive."`
	Interrupt  interruptCommand  `cmd:"" help:"Take the instances of a managed spot training job back, as AWS does when it needs them."`
	Decide     decideCommand     `cmd:"" help:"Answer questions to the policy engine: JSON lines in, JSON lines out."`
	Purge      purgeCommand      `cmd:"" help:"Remove every kernel object that Cloister made, and nothing else."`
	Operations operationsCommand `cmd:"" help:"List the operations that are served."`
	Version    versionCommand    `cmd:"" help:"Print the version."`

	Inside insideCommand `cmd:"" hidden:"" help:"Second half of exec, inside the namespace."`
}

// main first looks for the roles in which the binary is started by itself: they must be quick
// and must not read the command line as a person's.
func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "shim":
			os.Exit(runc.ShimMain(os.Args[2:]))
		case "feed":
			os.Exit(feed.Main(os.Args[2:]))
		case "algorithm":
			os.Exit(algorithm.Main(os.Args[2:]))
		}
	}
	var c commands
	k := kong.Parse(&c, kong.Name("cloister"), kong.UsageOnError(),
		kong.Description("The SageMaker API behind real VPC endpoints, on machines you own."),
		kong.Vars{"data": defaultData()})
	if err := k.Run(&c); err != nil {
		if code, ok := exitCode(err); ok {
			os.Exit(code)
		}
		fmt.Fprintln(os.Stderr, "cloister:", err)
		os.Exit(1)
	}
}
