// Command analyst is the program of an image of several trades. Where a compilation job runs it, it compiles a model;
// where a processing job does, it explains one as SageMaker Clarify's image does, with a temporary endpoint, or reads the
// file that its arguments name; and as a model it complains and never answers.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	var err error
	switch {
	case os.Getenv("COMPILATION_JOB_NAME") != "":
		err = compile("/opt/ml/")
	case len(os.Args) == 2 && os.Args[1] == "serve":
		fmt.Println("NotImplementedError: gptq quantization is not supported for AutoModel, you can try to quantize it with text-generation-server")
		time.Sleep(time.Hour)
	case len(os.Args) == 3 && os.Args[1] == "read":
		_, err = os.ReadFile(os.Args[2])
	default:
		err = explain("/opt/ml/processing/")
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// compile copies the model and notes beside it what it was compiled for. A model without a file is the customer's fault.
func compile(root string) error {
	var order struct {
		CompilationJobName        string
		InputConfig, OutputConfig map[string]any
	}
	b, err := os.ReadFile(root + "input/config/compilationjobconfig.json")
	if err == nil {
		err = json.Unmarshal(b, &order)
	}
	if err != nil {
		return err
	}
	from := root + "input/data/model"
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	weights := 0
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err == nil {
			weights += len(b)
			err = os.WriteFile(root+"model/"+f.Name(), b, 0o644)
		}
		if err != nil {
			return err
		}
	}
	fmt.Printf("%s: %d files, %d bytes for %v\n", order.CompilationJobName, len(files), weights, order.OutputConfig["TargetDevice"])
	if weights == 0 {
		return blame(root, "InputConfiguration: The model has no weights.")
	}
	note, err := json.Marshal(map[string]any{"framework": order.InputConfig["Framework"], "target": order.OutputConfig["TargetDevice"], "user": os.Getuid()})
	if err != nil {
		return err
	}
	return os.WriteFile(root+"model/compiled.json", note, 0o644)
}

// blame leaves the reason where the platform finds it.
func blame(root, reason string) error {
	if err := os.WriteFile(root+"output/failure", []byte(reason), 0o644); err != nil {
		return err
	}
	return fmt.Errorf("%s", strings.TrimSpace(reason))
}
