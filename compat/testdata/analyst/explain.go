package main

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// analysis is the part of a Clarify job's configuration that says which model to ask, and how.
type analysis struct {
	Predictor struct {
		ModelName            string `json:"model_name"`
		InstanceType         string `json:"instance_type"`
		InitialInstanceCount int    `json:"initial_instance_count"`
		ContentType          string `json:"content_type"`
		AcceptType           string `json:"accept_type"`
	} `json:"predictor"`
}

// explain asks the model, behind an endpoint that lives as long, for every row of the data, and writes down what it said.
func explain(root string) (failed error) {
	b, err := os.ReadFile(root + "input/config/analysis_config.json")
	if err != nil {
		return err
	}
	var a analysis
	if err := json.Unmarshal(b, &a); err != nil {
		return err
	}
	c, err := newClient()
	if err != nil {
		return err
	}
	name := "sagemaker-clarify-endpoint-" + strings.ToLower(rand.Text()[:8])
	config := strings.Replace(name, "sagemaker-clarify-endpoint", "sm-clarify-config", 1)
	if err := c.control("CreateEndpointConfig", map[string]any{"EndpointConfigName": config, "ProductionVariants": []any{map[string]any{
		"VariantName": "AllTraffic", "ModelName": a.Predictor.ModelName, "InstanceType": a.Predictor.InstanceType, "InitialInstanceCount": a.Predictor.InitialInstanceCount,
	}}}, nil); err != nil {
		return err
	}
	defer func() {
		failed = cmp.Or(failed, c.control("DeleteEndpointConfig", map[string]any{"EndpointConfigName": config}, nil))
	}()
	if err := c.control("CreateEndpoint", map[string]any{"EndpointName": name, "EndpointConfigName": config}, nil); err != nil {
		return err
	}
	fmt.Println("created", name)
	defer func() {
		failed = cmp.Or(failed, c.control("DeleteEndpoint", map[string]any{"EndpointName": name}, nil), c.gone(name))
	}()
	status, reason, err := c.settled(name)
	if err != nil {
		return err
	}
	if status != "InService" {
		return blame("/opt/ml/", fmt.Sprintf("ClientError: Error hosting endpoint %s: %s. Reason: %s", name, status, reason))
	}
	return c.ask(root, name, &a)
}

// settled waits until the endpoint is up, or is not going to be.
func (c *client) settled(name string) (status, reason string, err error) {
	for range 600 {
		var d struct{ EndpointStatus, FailureReason string }
		if err := c.control("DescribeEndpoint", map[string]any{"EndpointName": name}, &d); err != nil {
			return "", "", err
		}
		if d.EndpointStatus != "Creating" {
			return d.EndpointStatus, d.FailureReason, nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return "", "", fmt.Errorf("%s is neither up nor failed", name)
}

// gone waits until the endpoint is no more.
func (c *client) gone(name string) error {
	for range 600 {
		err := c.control("DescribeEndpoint", map[string]any{"EndpointName": name}, nil)
		if err != nil && strings.Contains(err.Error(), "Could not find endpoint") {
			fmt.Println("deleted", name)
			return nil
		}
		if err != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
	return fmt.Errorf("%s is not deleted", name)
}

// ask has the model answer file by file.
func (c *client) ask(root, endpoint string, a *analysis) error {
	files, err := filepath.Glob(root + "input/data/*")
	if err != nil {
		return err
	}
	var said []string
	for _, f := range files {
		rows, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		answer, err := c.invoke(endpoint, a.Predictor.ContentType, a.Predictor.AcceptType, rows)
		if err != nil {
			return err
		}
		said = append(said, string(answer))
	}
	out, err := json.Marshal(map[string]any{"version": "1.0", "endpoint": endpoint, "answers": said})
	if err != nil {
		return err
	}
	return os.WriteFile(root+"output/analysis.json", out, 0o644)
}
