package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestSettingsAreDocumented: docs/settings.md has every setting, under the names and in the form that the server reads.
func TestSettingsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	if example == nil {
		t.Fatal("there is no example")
	}
	for i := range reflect.TypeFor[config]().NumField() {
		if name := reflect.TypeFor[config]().Field(i).Tag.Get("yaml"); name != "" && !strings.Contains("\n"+string(example[1]), "\n"+name+":") {
			t.Errorf("%s is not there", name)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), example[1], 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(dir, config{})
	if err != nil {
		t.Fatal(err)
	}
	c.OIDCIssuers[0].CA = "" // a file that is not here
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if len(c.InstanceQuotas) < 9 || len(c.InstanceTypes) != 3 || c.CompilerImage == "" {
		t.Errorf("%+v", c)
	}
}
