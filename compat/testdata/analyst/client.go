package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// client calls SageMaker as the container's role, by the services' own names: in a VPC these lead to its endpoints.
type client struct{ AccessKeyId, SecretAccessKey, Token, region string }

// newClient asks for the role's credentials where every container finds them.
func newClient() (*client, error) {
	r, err := http.Get("http://169.254.170.2" + os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"))
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	c := &client{region: os.Getenv("AWS_REGION")}
	return c, json.NewDecoder(r.Body).Decode(c)
}

// control makes one call of the control plane.
func (c *client) control(operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := c.post("api.sagemaker", "/", map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker." + operation}, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// invoke asks an endpoint.
func (c *client) invoke(endpoint, contentType, accept string, rows []byte) ([]byte, error) {
	return c.post("runtime.sagemaker", "/endpoints/"+endpoint+"/invocations", map[string]string{"Content-Type": contentType, "Accept": accept}, rows)
}

// post signs a request by Signature Version 4 and sends it.
func (c *client) post(service, path string, headers map[string]string, body []byte) ([]byte, error) {
	host := service + "." + c.region + ".amazonaws.com"
	r, err := http.NewRequest(http.MethodPost, "https://"+host+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	now := time.Now().UTC()
	day, stamp := now.Format("20060102"), now.Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Set("X-Amz-Security-Token", c.Token)
	names, said := []string{"host"}, map[string]string{"host": host}
	for k := range r.Header {
		names, said[strings.ToLower(k)] = append(names, strings.ToLower(k)), r.Header.Get(k)
	}
	slices.Sort(names)
	canonical := "POST\n" + path + "\n\n"
	for _, n := range names {
		canonical += n + ":" + said[n] + "\n"
	}
	signed := strings.Join(names, ";")
	canonical += "\n" + signed + "\n" + hex.EncodeToString(hash(body))
	scope, key := day+"/"+c.region+"/sagemaker/aws4_request", []byte("AWS4"+c.SecretAccessKey)
	for _, part := range []string{day, c.region, "sagemaker", "aws4_request"} {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+hex.EncodeToString(hash([]byte(canonical)))))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.AccessKeyId+"/"+scope+", SignedHeaders="+signed+", Signature="+signature)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	answer, err := io.ReadAll(w.Body)
	if err == nil && w.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %d %s", service, headers["X-Amz-Target"], w.StatusCode, answer)
	}
	return answer, err
}

func hash(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}
