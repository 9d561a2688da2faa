package algorithm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"cloister/internal/engine/recordio"
)

// configuration is what the platform wrote below input/config.
type configuration struct {
	hyperparameters map[string]string
	channels        map[string]channelConfiguration
	host            string
	hosts           []string
}

type channelConfiguration struct {
	TrainingInputMode  string
	ContentType        string
	S3DistributionType string
}

func (p program) readConfiguration() (configuration, error) {
	var c configuration
	var resources struct {
		CurrentHost string   `json:"current_host"`
		Hosts       []string `json:"hosts"`
	}
	for name, into := range map[string]any{"hyperparameters": &c.hyperparameters, "inputdataconfig": &c.channels, "resourceconfig": &resources} {
		if err := p.readJSON(name, into); err != nil {
			return c, err
		}
	}
	c.host, c.hosts = resources.CurrentHost, resources.Hosts
	if c.host == "" {
		c.host = "algo-1"
	}
	return c, nil
}

func (p program) readJSON(name string, into any) error {
	path := filepath.Join(p.root, "input", "config", name+".json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// checkChannels holds the channels against what the algorithm takes: train, and perhaps test.
func checkChannels(channels map[string]channelConfiguration) error {
	const prefix = "Unable to initialize the algorithm. Failed to validate input data configuration. (caused by ValidationError)\n\nCaused by: "
	if _, ok := channels["train"]; !ok {
		return customer(errors.New(prefix + "'train' is a required property"))
	}
	for name, c := range channels {
		if name != "train" && name != "test" {
			return customer(fmt.Errorf("%sAdditional properties are not allowed ('%s' was unexpected)", prefix, name))
		}
		if !slices.Contains([]string{"", "File", "FastFile", "Pipe"}, c.TrainingInputMode) {
			return customer(fmt.Errorf("%s'%s' is not one of ['File', 'FastFile', 'Pipe']", prefix, c.TrainingInputMode))
		}
		if _, err := c.contentType(); err != nil {
			return customer(fmt.Errorf("%s%w", prefix, err))
		}
	}
	return nil
}

// contentType is what the channel says, or RecordIO; only RecordIO and CSV are training data.
func (c channelConfiguration) contentType() (recordio.ContentType, error) {
	text := c.ContentType
	if text == "" {
		text = string(recordio.RecordIO)
	}
	content, err := recordio.ParseContentType(text)
	if err == nil && content.Format != recordio.RecordIO && content.Format != recordio.CSV {
		err = fmt.Errorf("content type '%s' is not one of ['%s', '%s']", text, recordio.RecordIO, recordio.CSV)
	}
	return content, err
}
