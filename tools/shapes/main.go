// Command shapes reads the published API models and writes what Cloister is built from: a reduced
// model per service, which the wire codec reads at run time, and plain Go types.
//
// It promises the same files for the same models. It knows no operation by name; tools/shapes.txt
// says which are wanted.
//
//	go -C tools run ./shapes
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	plan := flag.String("plan", "shapes.txt", "which services and operations")
	botocore := flag.String("botocore", "", "botocore's data `directory`; asked of python3 when empty")
	own := flag.String("own", "models", "`directory` of models of our own")
	to := flag.String("to", "../internal/value", "`directory` that holds model and shape")
	flag.Parse()
	if err := run(*plan, *botocore, *own, *to); err != nil {
		fmt.Fprintln(os.Stderr, "shapes:", err)
		os.Exit(1)
	}
}

func run(plan, botocore, own, to string) error {
	services, err := readPlan(plan)
	if err != nil {
		return err
	}
	if botocore == "" {
		if botocore, err = findBotocore(); err != nil {
			return err
		}
	}
	data := filepath.Join(to, "model", "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	for _, s := range services {
		src, err := readModel(botocore, own, s.model)
		if err != nil {
			return err
		}
		m, err := reduce(s, src)
		if err != nil {
			return err
		}
		if err := writeModel(data, m); err != nil {
			return err
		}
		types := filepath.Join(to, "shape", s.id)
		if err := writeTypes(types, m); err != nil {
			return err
		}
		if err := writeRegistry(types, m); err != nil {
			return err
		}
		fmt.Printf("%-18s %4d operations %5d shapes\n", s.id, len(m.Operations), len(m.Shapes))
	}
	return nil
}

func findBotocore() (string, error) {
	out, err := exec.Command("python3", "-c", "import botocore, os; print(os.path.join(os.path.dirname(botocore.__file__), 'data'))").Output()
	if err != nil {
		return "", fmt.Errorf("find botocore (pip install botocore==1.43.11, or give -botocore): %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
