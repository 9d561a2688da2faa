package digits

import (
	"bytes"
	"testing"
)

func TestLoad(t *testing.T) {
	features, labels := Load()
	if len(features) != Rows || len(labels) != Rows {
		t.Fatalf("%d images, %d labels", len(features), len(labels))
	}
	var perDigit [10]int
	for i, row := range features {
		perDigit[labels[i]]++
		for _, v := range row {
			if v < 0 || v > 16 {
				t.Fatalf("image %d has the pixel %v", i, v)
			}
		}
	}
	if perDigit != [10]int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180} {
		t.Errorf("images per digit: %v", perDigit)
	}
}

func TestCSVHasNoLabels(t *testing.T) {
	lines := bytes.Split(bytes.TrimSpace(CSV()), []byte("\n"))
	if len(lines) != Rows {
		t.Fatalf("%d lines", len(lines))
	}
	if n := bytes.Count(lines[0], []byte(",")) + 1; n != Features {
		t.Errorf("%d columns", n)
	}
}
