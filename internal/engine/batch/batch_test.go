package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func frame(part uint32, payload string) string {
	b := binary.LittleEndian.AppendUint32(nil, recordMagic)
	b = binary.LittleEndian.AppendUint32(b, part<<29|uint32(len(payload)))
	return string(b) + payload + strings.Repeat("\x00", (4-len(payload)%4)%4)
}

func tf(payload string) string {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, payload...)
	return string(binary.LittleEndian.AppendUint32(b, masked([]byte(payload))))
}

// magic is the number as it stands in data.
var magic = string(binary.LittleEndian.AppendUint32(nil, recordMagic))

func all(split Split, many bool, limit int64, object string) (out []string, err error) {
	for r, e := range Requests(strings.NewReader(object), split, many, limit) {
		if e != nil {
			return out, e
		}
		out = append(out, fmt.Sprintf("%d+%d %q", r.First, r.Count, r.Body))
	}
	return out, nil
}

func TestRequests(t *testing.T) {
	for name, c := range map[string]struct {
		split  Split
		many   bool
		limit  int64
		object string
		want   string
		wrong  string
	}{
		"an object":                   {split: Whole, object: "a\nb", want: `[1+1 "a\nb"]`},
		"an empty object":             {split: Whole, want: `[]`},
		"an object that is too large": {split: Whole, limit: 2, object: "abc", want: `[]`, wrong: "record 1: the record is larger than the maximum payload"},
		"lines one by one":            {split: Line, object: "a\nbb\n", want: `[1+1 "a\n" 2+1 "bb\n"]`},
		"lines as they fit":           {split: Line, many: true, limit: 6, object: "a\nbb\nccc\nd", want: `[1+2 "a\nbb\n" 3+2 "ccc\nd"]`},
		"lines of another system":     {split: Line, many: true, limit: 100, object: "a\r\n\r\nb", want: `[1+2 "a\r\nb"]`},
		"a line that is too large":    {split: Line, many: true, limit: 4, object: "a\nbbbbbb\nc", want: `[1+1 "a\n"]`, wrong: "record 2: the record is larger than the maximum payload"},
		"without bound":               {split: Line, many: true, object: "a\nb\n", want: `[1+2 "a\nb\n"]`},
		"RecordIO without frames":     {split: RecordIO, object: frame(0, "one") + frame(0, ""), want: `[1+1 "one" 2+1 ""]`},
		"RecordIO with frames":        {split: RecordIO, many: true, limit: 100, object: frame(0, "one") + frame(0, "four"), want: fmt.Sprintf("[1+2 %q]", frame(0, "one")+frame(0, "four"))},
		"RecordIO in parts":           {split: RecordIO, object: frame(1, "ab") + frame(2, "c") + frame(3, "d"), want: fmt.Sprintf("[1+1 %q]", "ab"+magic+"c"+magic+"d")},
		"no RecordIO":                 {split: RecordIO, object: "abcdefgh", want: "[]", wrong: "record 1: it does not begin as a RecordIO record does"},
		"RecordIO cut short":          {split: RecordIO, object: frame(0, "one") + frame(0, "two")[:9], want: `[1+1 "one"]`, wrong: "record 2: the object ends within it"},
		"TFRecords without frames":    {split: TFRecord, object: tf("one") + tf("two"), want: `[1+1 "one" 2+1 "two"]`},
		"TFRecords with frames":       {split: TFRecord, many: true, limit: 40, object: tf("one") + tf("two") + tf("3"), want: fmt.Sprintf("[1+2 %q 3+1 %q]", tf("one")+tf("two"), tf("3"))},
		"a changed TFRecord":          {split: TFRecord, object: strings.Replace(tf("one"), "one", "oen", 1), want: "[]", wrong: "record 1: the checksum of a TFRecord's data is wrong"},
		"a TFRecord's changed length": {split: TFRecord, object: "\x01" + tf("one")[1:], want: "[]", wrong: "record 1: the checksum of a TFRecord's length is wrong"},
		"a TFRecord cut short":        {split: TFRecord, object: tf("one")[:14], want: "[]", wrong: "record 1: the object ends within it"},
	} {
		got, err := all(c.split, c.many, c.limit, c.object)
		if fmt.Sprint(got) != c.want || fmt.Sprint(err) != c.wrong && (err != nil || c.wrong != "") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func path(t *testing.T, s string) *Path {
	t.Helper()
	p, err := ParsePath(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return p
}

func TestPaths(t *testing.T) {
	const doc = `{"id":7,"in":{"a":1.50,"b":[10,20,30],"b c":"<x>"},"list":[{"n":1},{"n":2}]}`
	for p, want := range map[string]string{
		"":                 doc,
		"$":                doc,
		"$.id":             "7",
		"$.in.a":           "1.50",
		"$['in']['b c']":   `"<x>"`,
		`$["in"].b[0]`:     "10",
		"$.in.b[-1]":       "30",
		"$.in.b[0,2]":      "[10,30]",
		"$.in.b[1:]":       "[20,30]",
		"$.in.b[:-1]":      "[10,20]",
		"$.in.b[5:]":       "[]",
		"$.in['a','b']":    `{"a":1.50,"b":[10,20,30]}`,
		"$.in.['b','a']":   `{"b":[10,20,30],"a":1.50}`,
		"$.in['a','gone']": `{"a":1.50}`,
		"$.in['no','ne']":  "",
		"$['in','id'].a":   "[1.50]",
		"$.in.b[0,2:]":     "[10,30]",
		"$.in.b[1:2,0]":    "[20,10]",
		"$.in.b[0,3]":      "",
		"$.list[*].n":      "[1,2]",
		"$.list.*.n":       "[1,2]",
		"$.in.*":           `[1.50,[10,20,30],"<x>"]`,
		"$.gone":           "",
		"$.in.b[3]":        "",
		"$.id.x":           "",
		"$.in.b[ 0 , 1 ]":  "[10,20]",
	} {
		v, err := parseJSON([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		got, err := path(t, p).find(v)
		if want == "" {
			if err == nil {
				t.Errorf("%s leads to %s", p, got.append(nil))
			}
			continue
		}
		if err != nil || string(got.append(nil)) != want {
			t.Errorf("%s: %v", p, err)
		}
	}
	for _, bad := range []string{"id", "$id", "$.", "$..a", "$[", "$[]", "$['a", "$['a']x", "$[a]", "$[1,'a']", "$[*,1]", "$[1:2,*]", "$[1,'a']", "$.[", "$.[1].", "$[?(@.a)]", "$.a()", "$[1:x]", "$[1"} {
		if p, err := ParsePath(bad); err == nil {
			t.Errorf("%s is read as %+v", bad, p.steps)
		}
	}
}

func TestProcess(t *testing.T) {
	for name, c := range map[string]struct {
		kind                              Kind
		in, out                           string
		join                              bool
		record, sent, answer, kept, wrong string
	}{
		"columns of CSV":         {kind: CSV, in: "$[1:]", record: "id,1,\"a,b\"\n", sent: "1,\"a,b\"\n", answer: "0.5\n", kept: "0.5\n"},
		"CSV joined":             {kind: CSV, in: "$[1:]", out: "$[0,-1]", join: true, record: "x,1,2\ny,3,4\n", sent: "1,2\n3,4\n", answer: "0.1\n0.2", kept: "x,0.1\ny,0.2\n"},
		"a column and a slice":   {kind: CSV, out: "$[0,2:]", join: true, record: "x,1,2\n", sent: "x,1,2\n", answer: "9\n", kept: "x,2,9\n"},
		"a column too many":      {kind: CSV, out: "$[0,9]", join: true, record: "x,1,2\n", sent: "x,1,2\n", answer: "9\n", wrong: "record 1: the JSONPath leads to nothing in it"},
		"one column":             {kind: CSV, out: "$[0]", join: true, record: "x,1\n", sent: "x,1\n", answer: "9", kept: "x\n"},
		"an object joined":       {kind: JSONLines, in: "$.f", out: "$['id','SageMakerOutput']", join: true, record: "{\"id\":1,\"f\":[1,2]}\n", sent: "[1,2]\n", answer: "{\"p\":0.90}\n", kept: "{\"id\":1,\"SageMakerOutput\":{\"p\":0.90}}\n"},
		"a whole object joined":  {kind: JSONLines, join: true, record: "{\"id\":1}\n", sent: "{\"id\":1}\n", answer: "2\n", kept: "{\"id\":1,\"SageMakerOutput\":2}\n"},
		"no object joined":       {kind: JSONLines, join: true, record: "[1]\n", sent: "[1]\n", answer: "2\n", kept: "{\"SageMakerInput\":[1],\"SageMakerOutput\":2}\n"},
		"a JSON document":        {kind: JSON, in: "$.instances", out: "$.SageMakerOutput.p", join: true, record: "{\"instances\":\n[1]}", sent: "[1]", answer: "{\"p\": [0.5]}", kept: "[0.5]"},
		"too few answers":        {kind: CSV, join: true, record: "1\n2\n", sent: "1\n2\n", answer: "0.1\n", wrong: "record 1: the answer to 2 records has 1"},
		"an answer that is none": {kind: JSONLines, out: "$.p", record: "1\n", sent: "1\n", answer: "{", wrong: "record 1: malformed JSON: unexpected EOF"},
		"what is not there":      {kind: JSONLines, in: "$.f", record: "{}\n", wrong: "record 1: the JSONPath leads to nothing in it"},
		"two documents":          {kind: JSON, in: "$.f", record: "{} {}", wrong: "record 1: malformed JSON: there is more than one value"},
		"nothing to do":          {kind: CSV, record: "not \"csv\n", sent: "not \"csv\n", answer: "any", kept: "any"},
	} {
		p := &Process{Kind: c.kind, Input: path(t, c.in), Output: path(t, c.out), Join: c.join}
		r := Request{Body: []byte(c.record), First: 1}
		sent, err := p.Send(r)
		if err == nil && string(sent) != c.sent {
			t.Errorf("%s: sent %q", name, sent)
		}
		var kept []byte
		if err == nil {
			kept, err = p.Keep(r, []byte(c.answer))
		}
		if string(kept) != c.kept || (err != nil || c.wrong != "") && fmt.Sprint(err) != c.wrong {
			t.Errorf("%s: kept %q, %v", name, kept, err)
		}
	}
	if !(&Process{Input: path(t, "$"), Output: path(t, "")}).Idle() || (&Process{Input: path(t, "$"), Output: path(t, "$"), Join: true}).Idle() {
		t.Error("idle")
	}
}

func TestAssemble(t *testing.T) {
	var lines, plain []byte
	for _, a := range []string{"a", "b\n", ""} {
		lines, plain = Assemble(lines, []byte(a), true), Assemble(plain, []byte(a), false)
	}
	if string(lines) != "a\nb\n\n" || string(plain) != "ab\n" {
		t.Errorf("%q %q", lines, plain)
	}
}

// FuzzRequests: whatever an object is, its records come in order, none too large, and lines lose nothing.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{"a\nb\n", frame(0, "one") + frame(0, "four"), tf("one") + tf("two"), "\n\n"} {
		f.Add([]byte(seed), 1, true, int64(8))
	}
	f.Fuzz(func(t *testing.T, object []byte, split int, many bool, limit int64) {
		if limit < 0 {
			return
		}
		kind := []Split{Whole, Line, RecordIO, TFRecord}[uint(split)%4]
		next, whole := 1, []byte(nil)
		for r, err := range Requests(bytes.NewReader(object), kind, many, limit) {
			if err != nil {
				var at *RecordError
				if !errors.As(err, &at) || at.Record != next {
					t.Fatalf("after %d: %v", next-1, err)
				}
				return
			}
			if r.First != next || r.Count < 1 || limit > 0 && kind != RecordIO && int64(len(r.Body)) > limit && kind != TFRecord {
				t.Fatalf("%+v", r)
			}
			next += r.Count
			whole = append(whole, r.Body...)
		}
		if kind == Whole && !bytes.Equal(whole, object) {
			t.Fatalf("%q became %q", object, whole)
		}
		if kind == Line && strings.Join(strings.FieldsFunc(string(whole), newline), "|") != strings.Join(strings.FieldsFunc(string(object), newline), "|") {
			t.Fatalf("%q became %q", object, whole)
		}
	})
}

func newline(r rune) bool { return r == '\n' || r == '\r' }

// FuzzProcess: no record and no answer panics, and what is kept of JSON lines are JSON lines.
func FuzzProcess(f *testing.F) {
	f.Add("$.a[0:2]['b']", `{"a":[{"b":1}]}`, "2", true)
	f.Add("$[*]", `[1,2]`, "[3]", false)
	f.Fuzz(func(t *testing.T, p, record, answer string, join bool) {
		at, err := ParsePath(p)
		if err != nil {
			return
		}
		for _, kind := range []Kind{CSV, JSON, JSONLines} {
			do := &Process{Kind: kind, Input: at, Output: at, Join: join}
			r := Request{Body: []byte(record), First: 1}
			if _, err := do.Send(r); err != nil {
				continue
			}
			kept, err := do.Keep(r, []byte(answer))
			if err != nil || do.Idle() || kind == CSV {
				continue
			}
			for _, line := range do.records(kept) {
				if _, err := parseJSON(line); err != nil && (join || !at.Whole()) {
					t.Fatalf("%q: %v", line, err)
				}
			}
		}
	})
}
