// Command recorder is the program of the images that show the contract between the platform and containers: whatever kind
// of job or endpoint it is started for, it writes down what it was given, does what its order says, and leaves
// what it wrote down where the platform brings it out: as one file of JSON for each host, or in its answers.
//
// The order is words with an equals sign, in its arguments or in its variable ORDER:
//
//	to=DIR             where the record goes; otherwise to the directory of models, or of processing's outputs
//	outside=HOST:PORT  calls that, which is not one of the job's hosts
//	stream=PATH        reads that pipe to its end; several, with commas between
//	passes=N           reads every channel that is a pipe so often
//	early=CHANNEL      leaves the first pass over that channel after a byte
//	write=PATH:TEXT    writes a file, where HOST is the host's name; fill=PATH:N writes N letters; remove=PATH removes;
//	                   link=PATH:TARGET links
//	say=TEXT           says that, to both streams
//	eat=yes            takes all memory that it can
//	wait=yes           waits for a signal; watch=DIR then tells what is in that directory
//	exit=N             ends so
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const root = "/opt/ml/"

// order is what the program is to do.
type order [][2]string

func main() {
	o := orders()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1)
	r := observe()
	if len(os.Args) > 1 && os.Args[len(os.Args)-1] == "serve" {
		serve(r, signals)
		return
	}
	if err := r.work(o); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for all := [][]byte{}; o.get("eat") != ""; all = append(all, bytes.Repeat([]byte{1}, 1<<20)) {
	}
	r.save(o)
	if o.get("wait") != "" {
		r.hear(<-signals, o.get("watch"))
		r.save(o)
	}
	fmt.Println("recorded", r.Host)
	code, _ := strconv.Atoi(o.get("exit"))
	os.Exit(code)
}

func orders() (o order) {
	for _, a := range append(os.Args[1:], strings.Fields(os.Getenv("ORDER"))...) {
		if k, v, ok := strings.Cut(a, "="); ok {
			o = append(o, [2]string{k, v})
		}
	}
	return o
}

// get is the last that the order says of something, all are all.
func (o order) get(key string) (value string) {
	for _, v := range o.all(key) {
		value = v
	}
	return value
}

func (o order) all(key string) (values []string) {
	for _, w := range o {
		if w[0] == key {
			values = append(values, w[1])
		}
	}
	return values
}

// hear notes a signal, and what there is then.
func (r *record) hear(s os.Signal, watched string) {
	all, _ := os.ReadDir(watched)
	for _, e := range all {
		r.Later = append(r.Later, e.Name())
	}
	r.Signals = append(r.Signals, heard{s.String(), time.Now()})
	fmt.Println("heard", s)
}

// work does what the order says.
func (r *record) work(o order) error {
	if err := r.read(o); err != nil {
		return err
	}
	if err := r.meet(); err != nil {
		return err
	}
	if at := o.get("outside"); at != "" {
		r.Outside = dial(at)
	}
	for _, w := range o {
		name, text, _ := strings.Cut(w[1], ":")
		var err error
		switch w[0] {
		case "write":
			err = write(name, strings.ReplaceAll(text, "HOST", r.Host))
		case "fill":
			n, _ := strconv.Atoi(text)
			err = write(name, strings.Repeat("x", n))
		case "link":
			err = os.Symlink(text, name)
		case "remove":
			err = os.Remove(w[1])
		case "say":
			fmt.Println(w[1])
			fmt.Fprintln(os.Stderr, w[1], "to stderr")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func write(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), 0o644)
}

// save leaves the record where the platform brings it out.
func (r *record) save(o order) {
	to := o.get("to")
	if to == "" {
		to = root + "model"
	}
	if _, processing := r.Files[root+"config/processingjobconfig.json"]; processing && o.get("to") == "" {
		to = root + "processing/output"
	}
	b, err := json.Marshal(r)
	if err == nil {
		err = write(filepath.Join(to, r.Host+".json"), string(b))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
