// Command stages is the program of an image for jobs of every kind that are interrupted: what it makes follows from what
// it is given, so that a test knows whether all of it is there. A job whose name holds "started" waits for the
// file /opt/ml/go, one whose name holds "stop" does not end, one whose name holds "fails" fails.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const root = "/opt/ml/"

func main() {
	name := os.Getenv("TRAINING_JOB_NAME") + os.Getenv("PROCESSING_JOB_NAME") + os.Getenv("COMPILATION_JOB_NAME")
	for strings.Contains(name, "started") && !there(root+"go") {
		time.Sleep(50 * time.Millisecond)
	}
	if strings.Contains(name, "stop") && !strings.HasPrefix(name, "spot") {
		time.Sleep(time.Hour)
	}
	if err := work(os.Args[1], name); err != nil {
		os.WriteFile(root+"output/failure", []byte(err.Error()), 0o644)
		os.Exit(1)
	}
	fmt.Println("loss=0.5;")
}

func work(what, name string) error {
	host, _ := os.Hostname()
	switch {
	case strings.Contains(name, "fails"):
		return fmt.Errorf("as told")
	case what == "serve":
		return serve()
	case what == "compile":
		return tell(root+"model/compiled", root+"input/data/model/*")
	case what == "process":
		return tell(root+"processing/output/"+host, root+"processing/whole/*", root+"processing/stream_0")
	case strings.HasPrefix(name, "spot"):
		if err := checkpoint(); err != nil {
			return err
		}
	}
	if strings.HasPrefix(name, "loose") {
		if err := errors.Join(write(root+"model/large", ""), os.Truncate(root+"model/large", 17<<20)); err != nil {
			return err
		}
	}
	if err := write(root+"output/data/said-"+host, "said"); err != nil {
		return err
	}
	return tell(root+"model/"+host, root+"input/data/whole/*", root+"input/data/shown/*", root+"input/data/stream_0")
}

func there(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// tell writes down what files hold.
func tell(to string, patterns ...string) error {
	var said strings.Builder
	for _, p := range patterns {
		files, err := filepath.Glob(p)
		if err != nil {
			return err
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			fmt.Fprintf(&said, "%s %x\n", filepath.Base(f), sha256.Sum256(b))
		}
	}
	return write(to, said.String())
}

// write makes a file that is never seen with less in it.
func write(name, text string) error {
	unfinished := root + "unfinished"
	if err := os.WriteFile(unfinished, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(unfinished, name)
}

// checkpoint counts the starts of the job; the first one never ends by itself.
func checkpoint() error {
	name := "/opt/ml/checkpoints/starts"
	b, _ := os.ReadFile(name)
	if err := os.WriteFile(name+".new", append(b, 'x'), 0o644); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	if len(b) == 0 {
		time.Sleep(time.Hour)
	}
	return nil
}

// serve answers in capital letters, and not at once.
func serve() error {
	http.HandleFunc("GET /ping", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("POST /invocations", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		time.Sleep(50 * time.Millisecond)
		w.Write(bytes.ToUpper(b))
	})
	return http.ListenAndServe(":8080", nil)
}
