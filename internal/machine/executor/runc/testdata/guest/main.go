// Guest is the program in the test's image.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"cloister/internal/machine/executor/executortest"
)

func main() {
	if len(os.Args) > 1 {
		if attack, ok := attacks[os.Args[1]]; ok {
			os.Exit(try(attack))
		}
	}
	terminate := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		close(terminate)
	}()
	where, _ := os.Getwd()
	os.Exit(executortest.Behave(executortest.Guest{
		Args: os.Args, Env: os.Environ(), Directory: where, Output: os.Stdout,
		Terminate: terminate, Kill: make(chan struct{}), Open: executortest.OpenFile,
	}))
}

// try runs an attack. Failing is success: exit code 0 means that it was refused.
func try(attack func(args []string) error) int {
	err := attack(os.Args[2:])
	if err == nil {
		fmt.Println("it worked")
		return 1
	}
	fmt.Println("refused:", err)
	return 0
}
