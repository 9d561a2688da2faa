package snapshots

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloister/internal/engine/wire"
	"cloister/internal/value/model"
)

// TestBotocoreReadsAnswers sends the answer of every operation, with every member filled, through
// botocore's own parsers: what boto3 and the AWS CLI would show must be what was meant.
func TestBotocoreReadsAnswers(t *testing.T) {
	if err := exec.Command("python3", "-c", "import botocore").Run(); err != nil {
		t.Skip("botocore is not installed: pip install botocore")
	}
	var in bytes.Buffer
	var names []string
	var wants []any
	for _, m := range modules {
		for name, op := range model.MustLoad(m.service).Operations {
			_, out := m.types(name)
			if out == nil || streams(op.Output) || name == "InvokeEndpoint" || name == "GetBucketLocation" {
				continue // botocore reads streams and the location outside its parsers
			}
			want := example(op.Output, reflect.ValueOf(out).Elem(), "", 0)
			w, err := wire.Encode(op, out, "request-id")
			if err != nil {
				t.Fatal(err)
			}
			headers := map[string]string{}
			for k, v := range w.Header {
				headers[k] = strings.Join(v, ",")
			}
			call, _ := json.Marshal(map[string]any{"service": m.service, "operation": name, "status": w.Status, "headers": headers, "body": w.Bytes})
			in.Write(append(call, '\n'))
			names = append(names, m.service+"."+name)
			wants = append(wants, normal(t, want))
		}
	}
	c := exec.Command("python3", "parse.py")
	c.Stdin = &in
	var stderr bytes.Buffer
	c.Stderr = &stderr
	read, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	lines := bytes.Split(bytes.TrimSpace(read), []byte("\n"))
	if len(lines) != len(names) {
		t.Fatalf("%d answers to %d", len(lines), len(names))
	}
	for i, line := range lines {
		if d := cmp.Diff(wants[i], parsed(t, line)); d != "" {
			t.Errorf("%s: %s", names[i], d)
		}
	}
	t.Logf("%d answers", len(names))
}

func normal(t *testing.T, x any) any {
	t.Helper()
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, b)
}

// example fills a value and gives what botocore should make of it.
func example(s *model.Shape, v reflect.Value, name string, depth int) any {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch s.Type {
	case "structure":
		return exampleMembers(s, v, depth)
	case "list":
		n := 1
		if depth < 3 {
			n = 2
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		all := make([]any, n)
		for i := range all {
			all[i] = example(s.Element.Shape, v.Index(i), name, depth+1)
		}
		return all
	case "map":
		v.Set(reflect.MakeMap(v.Type()))
		e := reflect.New(v.Type().Elem()).Elem()
		x := example(s.Value.Shape, e, name, depth+1)
		v.SetMapIndex(reflect.ValueOf("key"), e)
		return map[string]any{"key": x}
	case "timestamp":
		v.Set(reflect.ValueOf(time.Unix(1790000000, 0).UTC()))
		return 1790000000
	case "blob":
		v.SetBytes([]byte("\x00\xffblob"))
		return []byte("\x00\xffblob")
	case "boolean":
		v.SetBool(true)
	case "integer", "long":
		v.SetInt(206)
	case "float", "double":
		v.SetFloat(0.25)
	default:
		v.SetString("a <" + name + "> é & b")
	}
	return v.Interface()
}

func exampleMembers(s *model.Shape, v reflect.Value, depth int) any {
	out := map[string]any{}
	for _, m := range s.Members {
		if depth > 14 && !s.Union {
			break
		}
		if m.Name == "Expires" {
			continue // botocore has a form of its own for it
		}
		if m.Location == "header" && m.Shape.Type == "string" {
			v.FieldByName(m.Name).Set(reflect.ValueOf(new("text of " + m.Name)))
			out[m.Name] = "text of " + m.Name
			continue
		}
		out[m.Name] = example(m.Shape, v.FieldByName(strings.ToUpper(m.Name[:1])+m.Name[1:]), m.Name, depth+1)
		if s.Union {
			break
		}
	}
	return out
}
