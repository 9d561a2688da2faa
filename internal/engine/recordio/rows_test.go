package recordio

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestParseContentType(t *testing.T) {
	for text, want := range map[string]ContentType{
		"text/csv":                              {CSV, -1},
		"text/csv;label_size=0":                 {CSV, 0},
		"Text/CSV; label_size=2; charset=utf-8": {CSV, 2},
		"application/x-recordio-protobuf":       {RecordIO, -1},
		"application/json; charset=UTF-8":       {JSON, -1},
		"application/jsonlines":                 {JSONLines, -1},
	} {
		if got, err := ParseContentType(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "csv", "image/png", "text/csv;label_size=-1", "text/csv;label_size=x", "text/csv;label_size=99999999", ";"} {
		if got, err := ParseContentType(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func decode(t *testing.T, media, body string, dim int) ([]float32, error) {
	t.Helper()
	content, err := ParseContentType(media)
	if err != nil {
		t.Fatal(err)
	}
	return AppendRows(nil, content, []byte(body), dim)
}

func TestAppendRows(t *testing.T) {
	for _, c := range []struct {
		media, body string
		want        []float32
	}{
		{"text/csv", "1,2\n3.5,-4e1\r\n\n 5 , \"6\" ", []float32{1, 2, 3.5, -40, 5, 6}},
		{"text/csv;label_size=1", "9,1,2\n9,3,4\n", []float32{1, 2, 3, 4}},
		{"text/csv", "", nil},
		{"application/json", `{"instances":[{"features":[1,2]},{"features":[3,4.5]}]}`, []float32{1, 2, 3, 4.5}},
		{"application/json", `{"instances":[{"data":{"features":{"values":[1,2]}}}],"configuration":{"x":[1,"\"",null,{"y":true}]}}`, []float32{1, 2}},
		{"application/json", `{"instances":[{"data":{"features":{"keys":[1],"shape":[2],"values":[7]}}}]}`, []float32{0, 7}},
		{"application/json", `{"instances":[{"data":{"features":{"values":[],"keys":[]}}}]}`, []float32{0, 0}},
		{"application/json", ` { "data" : {"features" : {"values" : [ 1 , 2 ] } } } `, []float32{1, 2}},
		{"application/json", `{"features":[1,2]}`, []float32{1, 2}},
		{"application/json", `{"inst\u0061nces":[{"features":[1,2]}]}`, []float32{1, 2}},
		{"application/json", `{"instances":[]}`, nil},
		{"application/jsonlines", "{\"features\":[1,2]}\n\n{\"data\":{\"features\":{\"values\":[3,4]}}}\n", []float32{1, 2, 3, 4}},
	} {
		if got, err := decode(t, c.media, c.body, 2); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %v, %v", c.media, c.body, got, err)
		}
	}
}

func TestAppendRowsRefuses(t *testing.T) {
	for _, c := range []struct{ media, body, want string }{
		{"text/csv", "1,2\n3", "row 2: the row has 1 features, feature_dim is 2"},
		{"text/csv", "1,2,3", "the row has 3 features, feature_dim is 2"},
		{"text/csv", "1,x", `column 2: "x" is not a finite number`},
		{"text/csv", "1,", "empty cell"},
		{"text/csv", "1,NaN", "not a finite number"},
		{"text/csv", "1,1e39", "not a finite number"},
		{"text/csv;label_size=3", "1,2", "has 0 features"},
		{"application/json", `{"instances":[{"features":[1]}]}`, "has 1 features"},
		{"application/json", `{"instances":[{"features":[1,2,3]}]}`, "more than 2 features"},
		{"application/json", `{"instances":[{}]}`, "has 0 features"},
		{"application/json", `{"instances":[{"features":[1,"2"]}]}`, "expected a number"},
		{"application/json", `{"instances":[{"features":[1,1e99]}]}`, "not a finite"},
		{"application/json", `{"instances":[{"data":{"features":{"keys":[2],"values":[7]}}}]}`, "sparse key 2"},
		{"application/json", `{"instances":[{"data":{"features":{"keys":[0,1],"values":[7]}}}]}`, "2 keys and 1 values"},
		{"application/json", `{"rows":[]}`, `no "instances"`},
		{"application/json", `{"instances":[{"features":[1,2]}]`, "malformed"},
		{"application/json", `{"instances":[{"features":[1,2]}]}}`, "text after"},
		{"application/json", `[1,2]`, "malformed"},
		{"application/json", ``, "malformed"},
		{"application/json", `{"x":` + strings.Repeat("[", 1000), "nested deeper"},
		{"application/jsonlines", "{\"features\":[1,2]}\n{\"features\":[1]}", "JSON line 2"},
		{"application/x-recordio-protobuf", "1,2", "ends inside"},
	} {
		if got, err := decode(t, c.media, c.body, 2); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.60s: %v, %v, want %q", c.media, c.body, got, err, c.want)
		}
	}
	nan := Append(nil, Record{Features: map[string]Tensor{ValuesKey: {Kind: Float64, Float64s: []float64{1, math.Inf(1)}}}})
	if _, err := AppendRows(nil, ContentType{Format: RecordIO}, AppendFrame(nil, nan), 2); err == nil || !strings.Contains(err.Error(), "feature 2 is not a finite") {
		t.Errorf("infinite feature: %v", err)
	}
	if _, err := AppendRows(nil, ContentType{Format: JSONLines}, []byte(`{"features":{"keys":[],"values":[]}}`), MaxValues+1); !errors.Is(err, errTooLarge) {
		t.Errorf("huge sparse row: %v", err)
	}
}

func TestRowReader(t *testing.T) {
	long := strings.Repeat(" ", 300000)
	reader, err := NewRowReader(strings.NewReader("7,1,2\r\n\n8,3,4"+long+"\n9,5,6"), ContentType{CSV, -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]float32{{1, 2}, {3, 4}, {5, 6}} {
		row := make([]float32, 2)
		if err := reader.Read(row); err != nil || !slices.Equal(row, want) {
			t.Fatalf("%v, %v, want %v", row, err, want)
		}
	}
	if err := reader.Read(make([]float32, 2)); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
	if _, err := NewRowReader(strings.NewReader(""), ContentType{JSON, -1}); err == nil {
		t.Error("JSON is taken as training data")
	}
	reader, _ = NewRowReader(strings.NewReader("1,2\n3\n"), ContentType{CSV, 0})
	row := make([]float32, 2)
	if err := reader.Read(row); err != nil {
		t.Fatal(err)
	}
	if err := reader.Read(row); err == nil || !strings.Contains(err.Error(), "row 2:") {
		t.Errorf("short row: %v", err)
	}
}

// FuzzJSON checks that whatever is taken is JSON with the same numbers in it.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"instances":[{"features":[1,2.5]}]}`, `{"instances":[{"data":{"features":{"values":[1],"keys":[1]}}}]}`,
		`{"features":[-0.0e+2,01]}`, "{\"features\":[1,2],\"x\":\"\\u00e9\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, err := AppendRows(nil, ContentType{Format: JSON}, body, 2)
		if err != nil {
			return
		}
		if len(rows)%2 != 0 {
			t.Fatalf("%d numbers of rows of 2", len(rows))
		}
		if !json.Valid([]byte(strings.ToValidUTF8(string(body), "?"))) && !strings.Contains(string(body), `\`) {
			t.Fatalf("%q is taken, it is not JSON", body)
		}
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("1,2\n3,4e5"))
	f.Fuzz(func(t *testing.T, body []byte) {
		fromRequest, err := AppendRows(nil, ContentType{CSV, 0}, body, 2)
		reader, _ := NewRowReader(strings.NewReader(string(body)), ContentType{CSV, 0})
		var fromStream []float32
		row := make([]float32, 2)
		var streamErr error
		for streamErr = reader.Read(row); streamErr == nil; streamErr = reader.Read(row) {
			fromStream = append(fromStream, row...)
		}
		if (err == nil) != (streamErr == io.EOF) {
			t.Fatalf("request: %v, stream: %v", err, streamErr)
		}
		if err == nil && !slices.Equal(fromRequest, fromStream) {
			t.Fatalf("request %v, stream %v", fromRequest, fromStream)
		}
	})
}

func BenchmarkAppendRows(b *testing.B) {
	numbers := strings.TrimSuffix(strings.Repeat("12.25,", 64), ",")
	record := Record{Features: map[string]Tensor{ValuesKey: {Kind: Float32, Float32s: make([]float32, 64)}}}
	for _, c := range []struct {
		format Format
		body   []byte
	}{
		{CSV, []byte(numbers)}, {JSON, []byte(`{"instances":[{"features":[` + numbers + `]}]}`)}, {RecordIO, AppendFrame(nil, Append(nil, record))},
	} {
		b.Run(strings.ReplaceAll(string(c.format), "/", "_"), func(b *testing.B) {
			dst := make([]float32, 0, 64)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := AppendRows(dst, ContentType{c.format, -1}, c.body, 64); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
