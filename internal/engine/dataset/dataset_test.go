package dataset

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestShardIsAPartition(t *testing.T) {
	for n := range 20 {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		for hosts := 1; hosts < 8; hosts++ {
			var got []int
			least, most := n, 0
			for h := range hosts {
				part := Shard(all, h, hosts)
				least, most = min(least, len(part)), max(most, len(part))
				got = append(got, part...)
			}
			slices.Sort(got)
			if !slices.Equal(got, all) || most-least > 1 {
				t.Errorf("%d over %d hosts: %v, between %d and %d each", n, hosts, got, least, most)
			}
		}
	}
}

func TestShuffleIsOfSeedAndEpoch(t *testing.T) {
	all := make([]int, 50)
	for i := range all {
		all[i] = i
	}
	seen := map[string]bool{}
	for seed := range int64(4) {
		for epoch := range 4 {
			one, two := Shuffle(all, seed, epoch), Shuffle(all, seed, epoch)
			if !slices.Equal(one, two) {
				t.Errorf("seed %d, epoch %d: two orders", seed, epoch)
			}
			seen[fmt.Sprint(one)] = true
			slices.Sort(one)
			if !slices.Equal(one, all) {
				t.Errorf("seed %d, epoch %d is no permutation", seed, epoch)
			}
		}
	}
	if len(seen) != 16 {
		t.Errorf("%d orders of 16", len(seen))
	}
	// A process of another build must go on where this one stopped: the order is written down.
	if got := Shuffle([]int{0, 1, 2, 3, 4, 5, 6, 7}, 7, 1); !slices.Equal(got, []int{2, 3, 6, 4, 1, 0, 7, 5}) {
		t.Errorf("order %v", got)
	}
}

func TestManifest(t *testing.T) {
	prefix, names, err := Manifest([]byte(`[{"prefix":"s3://b/p/"},"x","y/z","x"]`), 3)
	if err != nil || prefix != "s3://b/p/" || !slices.Equal(names, []string{"x", "y/z", "x"}) {
		t.Errorf("%q %q %v", prefix, names, err)
	}
	for _, bad := range []string{"", "{}", "[]", `["x"]`, `[{"prefix":"s3://b/"},1]`, `[{"prefix":"s3://b/"},null]`, `[{"prefix":""},"x"]`, `[{"other":1}]`, `[{"prefix":"s3://b/"}`, `[{"prefix":"s3://b/"},"x"`, `[{"prefix":"s3://b/"},"x"] 1`, `[{"prefix":"s3://b/"},["x"]]`, `[null,"x"]`} {
		if _, _, err := Manifest([]byte(bad), 3); err == nil {
			t.Errorf("%s is a manifest", bad)
		}
	}
	if _, names, err := Manifest([]byte(`[{"prefix":"s3://b/p/"},"x","y/z","x"]`), 2); !errors.Is(err, ErrMany) || names != nil {
		t.Errorf("%q %v", names, err)
	}
	if got, err := Lines([]byte("{}\n{}\n\n{}"), 2); !errors.Is(err, ErrMany) || got != nil {
		t.Errorf("%q %v", got, err)
	}
}

func TestAugmented(t *testing.T) {
	line := []byte(`{"source-ref":"s3://b/i.jpg","class":1,"name":"a \"b\"","box":{"x": [1, 2]},"no":null,"other":5}`)
	got, err := Augmented(line, []string{"source-ref", "class", "name", "box", "no", "class"})
	want := []Part{{URI: "s3://b/i.jpg"}, {Text: "1"}, {Text: `a "b"`}, {Text: `{"x":[1,2]}`}, {Text: "null"}, {Text: "1"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	for bad, attribute := range map[string]string{
		`[]`: "x", `null`: "x", `{"x":1`: "x", `{"y":1}`: "x", `{"x-ref":1}`: "x-ref", `{"x-ref":"http://b"}`: "x-ref", `{"x-ref":null}`: "x-ref", "{\"x\":\"\xff\"}": "x",
	} {
		if got, err := Augmented([]byte(bad), []string{attribute}); err == nil {
			t.Errorf("%s: %v", bad, got)
		}
	}
	if got, err := Lines([]byte("\n{}\r\n  \n{\"a\":1}"), 2); err != nil || len(got) != 2 || string(got[0]) != "{}" || string(got[1]) != `{"a":1}` {
		t.Errorf("lines %q", got)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`[{"prefix":"s3://b/p/"},"x","y/z"]`))
	f.Add([]byte(`[{"prefix":null},{}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if prefix, _, err := Manifest(b, 100); err == nil && prefix == "" {
			t.Error("no prefix")
		}
	})
}

func FuzzAugmented(f *testing.F) {
	f.Add([]byte(`{"a-ref":"s3://b/k","b":{"c":[1,"x"]}}`))
	f.Add([]byte(`{"a-ref":null,"b":"\ud800"}`))
	attributes := []string{"a-ref", "b"}
	f.Fuzz(func(t *testing.T, b []byte) {
		lines, err := Lines(b, 1000)
		if err != nil {
			return
		}
		for _, line := range lines {
			parts, err := Augmented(line, attributes)
			if err == nil && (len(parts) != 2 || parts[0].URI == "" || parts[1].URI != "") {
				t.Errorf("%q gave %v", line, parts)
			}
		}
	})
}
