// Command clarify is the program of an image that analyses a model as Clarify's does: it serves the model by an
// endpoint for as long as it needs one, asks it about each line of its data, and writes the answers down.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const root = "/opt/ml/processing/"

func main() {
	if err := analyse(); err != nil {
		fmt.Println(err)
		os.WriteFile("/opt/ml/output/failure", []byte(err.Error()), 0o644)
		os.Exit(1)
	}
}

func analyse() error {
	var order struct {
		Model string `json:"model_name"`
		Type  string `json:"instance_type"`
	}
	b, err := os.ReadFile(root + "input/config/analysis_config.json")
	if err == nil {
		err = json.Unmarshal(b, &order)
	}
	if err != nil {
		return err
	}
	data, err := os.ReadFile(root + "input/data/rows.csv")
	if err != nil {
		return err
	}
	var c client
	if err := c.credentials(); err != nil {
		return err
	}
	var unique [4]byte
	rand.Read(unique[:])
	endpoint, config := fmt.Sprintf("sagemaker-clarify-endpoint-%x", unique), fmt.Sprintf("sm-clarify-config-%x", unique)
	defer c.call("DeleteEndpointConfig", object{"EndpointConfigName": config})
	if _, err := c.call("CreateEndpointConfig", object{"EndpointConfigName": config, "ProductionVariants": []object{
		{"VariantName": "v", "ModelName": order.Model, "InitialInstanceCount": 1, "InstanceType": order.Type}}}); err != nil {
		return err
	}
	defer c.call("DeleteEndpoint", object{"EndpointName": endpoint})
	if _, err := c.call("CreateEndpoint", object{"EndpointName": endpoint, "EndpointConfigName": config}); err != nil {
		return err
	}
	for status := any("Creating"); status != "InService"; time.Sleep(200 * time.Millisecond) {
		d, err := c.call("DescribeEndpoint", object{"EndpointName": endpoint})
		if err != nil {
			return err
		}
		if status = d["EndpointStatus"]; status == "Failed" {
			return fmt.Errorf("ClientError: Error hosting endpoint %s: Failed. Reason: %v", endpoint, d["FailureReason"])
		}
	}
	answer, err := c.send("runtime.sagemaker", "/endpoints/"+endpoint+"/invocations", "text/csv", "", data)
	if err != nil {
		return err
	}
	return os.WriteFile(root+"output/analysis.json", answer, 0o644)
}

type object map[string]any

// client calls SageMaker as the job's role.
type client struct{ AccessKeyId, SecretAccessKey, Token string }

func (c *client) credentials() error {
	resp, err := http.Get("http://169.254.170.2" + os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(c)
}

func (c *client) call(operation string, in object) (out object, err error) {
	b, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	if b, err = c.send("api.sagemaker", "/", "application/x-amz-json-1.1", "SageMaker."+operation, b); err != nil || len(b) == 0 {
		return nil, err
	}
	return out, json.Unmarshal(b, &out)
}

// The certificates are an authority's that the image, which has no files at all, does not know.
var transport = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

func (c *client) send(host, path, kind, target string, body []byte) ([]byte, error) {
	region := os.Getenv("AWS_REGION")
	host += "." + region + ".amazonaws.com"
	r, err := http.NewRequest(http.MethodPost, "https://"+host+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	day, stamp := now.Format("20060102"), now.Format("20060102T150405Z")
	r.Header = http.Header{"Content-Type": {kind}, "X-Amz-Date": {stamp}, "X-Amz-Security-Token": {c.Token}}
	signed := "content-type;host;x-amz-date;x-amz-security-token"
	canonical := "POST\n" + path + "\n\ncontent-type:" + kind + "\nhost:" + host + "\nx-amz-date:" + stamp + "\nx-amz-security-token:" + c.Token + "\n"
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
		signed, canonical = signed+";x-amz-target", canonical+"x-amz-target:"+target+"\n"
	}
	scope := day + "/" + region + "/sagemaker/aws4_request"
	text := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hash(canonical+"\n"+signed+"\n"+hash(string(body)))
	key := []byte("AWS4" + c.SecretAccessKey)
	for _, part := range append(strings.Split(scope, "/"), text) {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(part))
		key = m.Sum(nil)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.AccessKeyId+"/"+scope+", SignedHeaders="+signed+", Signature="+hex.EncodeToString(key))
	resp, err := transport.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s%s: %s %s", host, path, resp.Status, b)
	}
	return b, err
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
