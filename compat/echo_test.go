package compat

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"time"
)

// echoCommand has the test's binary be one end of a connection inside a VPC.
const echoCommand = "echo-in-a-vpc"

// echo listens on an address and repeats every line, or serves there and prints who calls, or dials one and
// says a number every tenth of a second, printing those that came back.
func echo(args []string) int {
	run := listenAndRepeat
	switch args[0] {
	case "dial":
		run = dialAndCount
	case "serve":
		run = serveAndTell
	}
	if err := run(args[1]); err != nil {
		fmt.Println("ended:", err)
		return 1
	}
	return 0
}

func listenAndRepeat(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	a, _ := net.InterfaceAddrs()
	for _, one := range a {
		if n, ok := one.(*net.IPNet); ok && !n.IP.IsLoopback() {
			fmt.Println("listens at", n.IP)
		}
	}
	c, err := l.Accept()
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		if _, err := fmt.Fprintln(c, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// serveAndTell repeats every line of everybody, each after the name of who serves.
func serveAndTell(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	a, _ := net.InterfaceAddrs()
	own := ""
	for _, one := range a {
		if n, ok := one.(*net.IPNet); ok && !n.IP.IsLoopback() {
			own = n.IP.String()
		}
	}
	fmt.Println("listens at", own)
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		fmt.Println("called by", c.RemoteAddr().(*net.TCPAddr).IP)
		go func() {
			defer c.Close()
			for lines := bufio.NewScanner(c); lines.Scan(); {
				if _, err := fmt.Fprintln(c, own, lines.Text()); err != nil {
					return
				}
			}
		}()
	}
}

func dialAndCount(address string) error {
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return err
	}
	answers := bufio.NewScanner(c)
	for i := 0; ; i++ {
		if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(c, i); err != nil {
			return err
		}
		if !answers.Scan() {
			return fmt.Errorf("no answer to %d: %w", i, answers.Err())
		}
		if _, err := fmt.Fprintln(os.Stdout, answers.Text()); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}
