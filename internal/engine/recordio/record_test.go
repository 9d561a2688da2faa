package recordio

import (
	"bytes"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFrameRoundTrip(t *testing.T) {
	var stream []byte
	payloads := []string{"", "a", "abcd", "\x0a\x23\xd7\xce", strings.Repeat("x", 200000)}
	for _, p := range payloads {
		stream = AppendFrame(stream, []byte(p))
		if len(stream)%4 != 0 {
			t.Fatalf("stream of %d bytes is not padded", len(stream))
		}
	}
	r := NewReader(bytes.NewReader(stream))
	for _, want := range payloads {
		if got, err := r.Next(); err != nil || string(got) != want {
			t.Fatalf("got %d bytes, %v, want %d bytes", len(got), err, len(want))
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
}

func TestFrameBytes(t *testing.T) {
	if got := hex.EncodeToString(AppendFrame(nil, []byte("abcde"))); got != "0a23d7ce"+"05000000"+"6162636465000000" {
		t.Error(got)
	}
}

// frame builds a frame of any part, as splitting writers make them.
func frame(part byte, payload string) []byte {
	f := AppendFrame(nil, []byte(payload))
	f[7] |= part << 5
	return f
}

func TestSplitRecordsAreJoinedAtTheMagicNumber(t *testing.T) {
	stream := slices.Concat(frame(partFirst, "abcd"), frame(partMiddle, ""), frame(partLast, "ef"), frame(partWhole, "g"))
	r := NewReader(bytes.NewReader(stream))
	got, err := r.Next()
	if want := "abcd\x0a\x23\xd7\xce\x0a\x23\xd7\xceef"; err != nil || string(got) != want {
		t.Fatalf("%q, %v", got, err)
	}
	if got, err := r.Next(); err != nil || string(got) != "g" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestMalformedFrames(t *testing.T) {
	whole := AppendFrame(nil, []byte("abcde"))
	for name, c := range map[string]struct {
		stream []byte
		want   string
	}{
		"not RecordIO":    {[]byte("1,2,3,4,5\n"), "the data is not RecordIO"},
		"short header":    {whole[:6], "ends inside"},
		"short payload":   {whole[:10], "ends inside"},
		"short padding":   {whole[:14], "ends inside"},
		"huge length":     {[]byte{0x0a, 0x23, 0xd7, 0xce, 0xff, 0xff, 0xff, 0x1f}, "longer than"},
		"unknown part":    {frame(5, "a"), "unknown part"},
		"middle first":    {frame(partMiddle, "a"), "out of order"},
		"first, no more":  {frame(partFirst, "a"), "ends inside"},
		"first and first": {slices.Concat(frame(partFirst, "a"), frame(partFirst, "b")), "out of order"},
	} {
		if _, err := NewReader(bytes.NewReader(c.stream)).Next(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	record := Record{
		Features: map[string]Tensor{
			"values": {Kind: Float32, Float32s: []float32{1, -2.5}, Keys: []uint64{3, 300}, Shape: []uint64{1000}},
			"wide":   {Kind: Float64, Float64s: []float64{1e300}},
			"whole":  {Kind: Int32, Int32s: []int32{-1, 0, 1 << 30}},
			"image":  {Kind: Bytes, Bytes: [][]byte{{1, 2}, {3}}, ContentType: "image/png"},
			"none":   {},
		},
		Label: map[string]Tensor{"values": {Kind: Float32, Float32s: []float32{7}}},
		UID:   "u", Metadata: "m", Configuration: "c",
	}
	got, err := Unmarshal(Append(nil, record))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(record, got); diff != "" {
		t.Error(diff)
	}
}

func TestPublishedBytes(t *testing.T) {
	record := Record{Features: map[string]Tensor{ValuesKey: {Kind: Float32, Float32s: []float32{1, 2.5}}}}
	want := "0a16" + "0a0676616c756573" + "120c" + "120a" + "0a08" + "0000803f00002040"
	if got := hex.EncodeToString(Append(nil, record)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestUnpackedNumbersAndUnknownFields(t *testing.T) {
	tensor := append(appendTag(nil, fieldValues, wireFixed32), 0, 0, 0x80, 0x3f)
	tensor = append(append(tensor, appendTag(nil, fieldValues, wireFixed32)...), 0, 0, 0x20, 0x40)
	entry := appendBytes(appendBytes(nil, fieldKey, []byte("values")), fieldValue, appendBytes(nil, int(Float32), tensor))
	message := appendBytes(append(appendTag(nil, 99, wireVarint), 5), fieldFeatures, entry)
	record, err := Unmarshal(message)
	if err != nil || !slices.Equal(record.Features["values"].Float32s, []float32{1, 2.5}) {
		t.Errorf("%v, %v", record, err)
	}
}

func TestFillDense(t *testing.T) {
	for name, c := range map[string]struct {
		tensor Tensor
		want   []float32
		fault  string
	}{
		"float32":         {Tensor{Kind: Float32, Float32s: []float32{1, 2, 3}}, []float32{1, 2, 3}, ""},
		"float64":         {Tensor{Kind: Float64, Float64s: []float64{1, 2, 3}}, []float32{1, 2, 3}, ""},
		"int32":           {Tensor{Kind: Int32, Int32s: []int32{-1, 2, 300}}, []float32{-1, 2, 300}, ""},
		"sparse":          {Tensor{Kind: Float32, Float32s: []float32{5}, Keys: []uint64{2}, Shape: []uint64{3}}, []float32{0, 0, 5}, ""},
		"sparse, empty":   {Tensor{Kind: Float32, Shape: []uint64{3}}, []float32{0, 0, 0}, ""},
		"too few":         {Tensor{Kind: Float32, Float32s: []float32{1, 2}}, nil, "has 2 features, feature_dim is 3"},
		"too many":        {Tensor{Kind: Float32, Float32s: []float32{1, 2, 3, 4}}, nil, "more than 3 features"},
		"none":            {Tensor{Kind: Float32}, nil, "has 0 features"},
		"key outside":     {Tensor{Kind: Float32, Float32s: []float32{1}, Keys: []uint64{3}}, nil, "sparse key 3 is outside"},
		"more keys":       {Tensor{Kind: Float32, Float32s: []float32{1}, Keys: []uint64{0, 1}}, nil, "fewer values"},
		"more values":     {Tensor{Kind: Float32, Float32s: []float32{1, 2}, Keys: []uint64{0}}, nil, "more values"},
		"bytes":           {Tensor{Kind: Bytes, Bytes: [][]byte{{1}}}, nil, "holds no numbers"},
		"value never set": {Tensor{}, nil, "holds no numbers"},
	} {
		row := []float32{9, 9, 9}
		err := FillDense(row, Append(nil, Record{Features: map[string]Tensor{ValuesKey: c.tensor}}))
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s: %v, want %q", name, err, c.fault)
			}
		} else if err != nil || !slices.Equal(row, c.want) {
			t.Errorf("%s: %v, %v", name, row, err)
		}
	}
	if err := FillDense(nil, nil); err != errNoFeatures {
		t.Errorf("empty message: %v", err)
	}
}

func TestPredictionRecord(t *testing.T) {
	framed := AppendPrediction(nil, []string{"closest_cluster", "distance_to_cluster"}, []float32{5, 36.5})
	payload, err := NewReader(bytes.NewReader(framed)).Next()
	if err != nil {
		t.Fatal(err)
	}
	record, err := Unmarshal(payload)
	want := Record{Label: map[string]Tensor{
		"closest_cluster":     {Kind: Float32, Float32s: []float32{5}},
		"distance_to_cluster": {Kind: Float32, Float32s: []float32{36.5}},
	}}
	if diff := cmp.Diff(want, record); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func FuzzRecords(f *testing.F) {
	f.Add(AppendFrame(nil, Append(nil, Record{UID: "u", Features: map[string]Tensor{
		ValuesKey: {Kind: Float32, Float32s: []float32{1, 2, 3}},
		"s":       {Kind: Int32, Int32s: []int32{1}, Keys: []uint64{2}, Shape: []uint64{3}},
	}})))
	f.Add(AppendFrame(nil, []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream))
		for {
			payload, err := r.Next()
			if err != nil {
				return
			}
			_ = FillDense(make([]float32, 3), payload)
			record, err := Unmarshal(payload)
			if err != nil {
				continue
			}
			once := Append(nil, record)
			again, err := Unmarshal(once)
			if err != nil || !bytes.Equal(once, Append(nil, again)) {
				t.Fatalf("%x does not survive: %v", payload, err)
			}
		}
	})
}
