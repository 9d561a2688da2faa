package algorithm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// meet has every host of a job exchange a number with every other, and leaves the sum of all in the model. A host that
// did not meet all others in time fails, and says whom it missed.
func (p program) meet(ctx context.Context, c configuration, seconds string) error {
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return customer(err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(n)*time.Second)
	defer cancel()
	self := slices.Index(c.hosts, c.host)
	if self < 0 {
		return fmt.Errorf("%q is not among the hosts %v", c.host, c.hosts)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", p.address(c.host))
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.Go(func() error { return p.answer(ctx, l, c, self+1) })
	numbers := make([]int, len(c.hosts))
	numbers[self] = self + 1
	for i, host := range c.hosts {
		if i != self {
			g.Go(func() (err error) { numbers[i], err = p.number(ctx, host, c.host); return err })
		}
	}
	if err := g.Wait(); err != nil {
		return customer(err)
	}
	sum := 0
	for _, n := range numbers {
		sum += n
	}
	p.log("INFO", "met all %d: the sum is %d", len(c.hosts), sum)
	return os.WriteFile(p.root+"/model/"+c.host, []byte(strconv.Itoa(sum)), 0o644)
}

// answer tells every other host a number once, and then hears no more.
func (p program) answer(ctx context.Context, l net.Listener, c configuration, number int) error {
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	waiting := slices.DeleteFunc(slices.Clone(c.hosts), func(h string) bool { return h == c.host })
	for len(waiting) > 0 {
		conn, err := l.Accept()
		if err != nil {
			return fmt.Errorf("%s was not called by %s: %w", c.host, strings.Join(waiting, ", "), errors.Join(err, ctx.Err()))
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second)) //nolint:errcheck // a connection that is dead says so when it is read
		name, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil {
			_, err = fmt.Fprintln(conn, number)
		}
		conn.Close()
		if name = strings.TrimSpace(name); err == nil && slices.Contains(waiting, name) {
			p.log("INFO", "%s called from %s", name, conn.RemoteAddr())
			waiting = slices.DeleteFunc(waiting, func(h string) bool { return h == name })
		}
	}
	return nil
}

// number asks a host for its number until it answers.
func (p program) number(ctx context.Context, host, own string) (int, error) {
	for {
		n, err := p.numberOnce(ctx, host, own)
		if err == nil {
			return n, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%s does not reach %s: %w", own, host, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p program) numberOnce(ctx context.Context, host, own string) (n int, err error) {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", p.address(host))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second)) //nolint:errcheck // as above
	if _, err := fmt.Fprintln(conn, own); err != nil {
		return 0, err
	}
	if _, err := fmt.Fscan(conn, &n); err != nil {
		return 0, err
	}
	p.log("INFO", "%s at %s says %d", host, conn.RemoteAddr(), n)
	return n, nil
}
