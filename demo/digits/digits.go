// Package digits is the data set of the demo: 1,797 images of handwritten digits and what they show.
package digits

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// Features is the number of pixels of an image, Rows the number of images.
const (
	Features = 64
	Rows     = 1797
)

//go:embed digits.csv.gz
var compressed []byte

// Load gives the pixels of every image, 0 to 16, and its digit.
func Load() (features [][]float32, labels []int) {
	unzipped, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		panic(fmt.Sprintf("the embedded digits are damaged: %v", err))
	}
	lines := bufio.NewScanner(unzipped)
	for lines.Scan() {
		cells := strings.Split(lines.Text(), ",")
		row := make([]float32, Features)
		for i := range row {
			row[i] = float32(mustAtoi(cells[i]))
		}
		features = append(features, row)
		labels = append(labels, mustAtoi(cells[Features]))
	}
	return features, labels
}

// CSV gives the features alone, one image a line, as content type text/csv;label_size=0 has them.
func CSV() []byte {
	var out []byte
	features, _ := Load()
	for _, row := range features {
		for i, v := range row {
			if i > 0 {
				out = append(out, ',')
			}
			out = strconv.AppendInt(out, int64(v), 10)
		}
		out = append(out, '\n')
	}
	return out
}

func mustAtoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(fmt.Sprintf("the embedded digits are damaged: %v", err))
	}
	return n
}
