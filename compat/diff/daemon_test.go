package diff

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

const (
	region  = "us-east-1"
	account = "123456789012"
	probe   = account + ".dkr.ecr." + region + ".amazonaws.com/cloister-probe:1"
)

// The one Cloister of all tests: who calls it as root, and where it is.
var (
	root         *client
	binary, data string
	door         string
	transport    *http.Transport
)

// TestMain starts the Cloister, and purges it in the end.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	end, err := start()
	defer func() {
		if err := end(); err != nil {
			fmt.Println("FAIL:", err)
			code = 1
		}
	}()
	if err != nil {
		fmt.Println("FAIL:", err)
		return 1
	}
	return m.Run()
}

// start runs serve until it says where everything is; end is to be called in any case.
func start() (end func() error, err error) {
	end = func() error { return nil }
	if binary, err = filepath.Abs(filepath.Join(cmp.Or(os.Getenv("CLOISTER_BIN"), "../../bin"), "cloister")); err != nil {
		return end, err
	}
	if data, err = os.MkdirTemp("", "data-diff-"); err != nil {
		return end, err
	}
	end = func() error { return os.RemoveAll(data) }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return end, err
	}
	listen := l.Addr().String()
	door = "https://" + listen
	if err := l.Close(); err != nil {
		return end, err
	}
	out, err := os.Create(filepath.Join(data, "serve.out"))
	if err != nil {
		return end, err
	}
	defer out.Close()
	serve := exec.Command(binary, "--data", data, "serve", "--listen", listen)
	serve.Stdout, serve.Stderr = out, out
	if err := serve.Start(); err != nil {
		return end, err
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()
	end = func() error {
		transport.CloseIdleConnections()
		stopped := errors.Join(serve.Process.Signal(syscall.SIGTERM), <-ended)
		if said, err := exec.Command(binary, "--data", data, "purge").CombinedOutput(); err != nil {
			stopped = errors.Join(stopped, fmt.Errorf("purge: %w\n%s", err, said))
		}
		return errors.Join(stopped, os.RemoveAll(data))
	}
	transport = &http.Transport{}
	for {
		said, err := os.ReadFile(out.Name())
		if err != nil {
			return end, err
		}
		if bytes.Contains(said, []byte("next")) {
			return end, meet()
		}
		select {
		case err := <-ended:
			ended <- err
			return end, fmt.Errorf("serve ended: %v\n%s", err, said)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// meet reads how to trust the Cloister and who its root is.
func meet() error {
	var instance struct{ CA string }
	b, err := os.ReadFile(filepath.Join(data, "instance.json"))
	if err == nil {
		err = json.Unmarshal(b, &instance)
	}
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(instance.CA)
	if err != nil {
		return err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		return fmt.Errorf("no certificate in %s", instance.CA)
	}
	transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, MaxIdleConnsPerHost: 16, DisableCompression: true}
	keys, err := os.ReadFile(filepath.Join(data, "credentials"))
	if err != nil {
		return err
	}
	found := regexp.MustCompile(`aws_access_key_id = (\S+)\s+aws_secret_access_key = (\S+)`).FindSubmatch(keys)
	if found == nil {
		return errors.New("no keys in the credentials file")
	}
	root = &client{key: string(found[1]), secret: string(found[2])}
	return nil
}

// inside runs a program of this machine on Cloister's internet, or with --subnet at an interface.
func inside(t *testing.T, flags []string, program ...string) (said string, err error) {
	t.Helper()
	args := append([]string{"--data", data, "exec"}, flags...)
	out, err := exec.Command(binary, append(append(args, "--"), program...)...).CombinedOutput()
	return string(out), err
}
