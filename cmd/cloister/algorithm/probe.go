package algorithm

import (
	"context"
	"net"
	"os"
	"strings"
	"time"
)

// probes are what a container might try to reach: names of services and the addresses from which
// credentials and metadata come elsewhere. Whoever runs the probe reads in its log what came of each.
var probes = []string{
	"api.sagemaker.us-east-1.amazonaws.com:443", "sts.us-east-1.amazonaws.com:443", "s3.us-east-1.amazonaws.com:443",
	"169.254.170.2:80", "169.254.169.254:80", "52.216.0.10:443",
}

// probe tries to reach things and tells the log; it fails only when it cannot even try. The input
// channel may hold a file "targets" with one host:port a line to try as well.
func (p program) probe(ctx context.Context) error {
	targets := probes
	if b, err := os.ReadFile(p.root + "/input/data/train/targets"); err == nil {
		targets = append(targets, strings.Fields(string(b))...)
	}
	dialer := net.Dialer{Timeout: 2 * time.Second}
	for _, t := range targets {
		c, err := dialer.DialContext(ctx, "tcp", t)
		if err != nil {
			p.log("INFO", "%s: %v", t, err)
			continue
		}
		p.log("INFO", "%s: reached %s", t, c.RemoteAddr())
		c.Close()
	}
	return nil
}
