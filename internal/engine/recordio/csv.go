package recordio

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// fillCSV reads one line of numbers into row, passing over the first skip columns.
func fillCSV(row []float32, line []byte, skip int) error {
	filled := 0
	for column := 0; ; column++ {
		cell, rest, more := bytes.Cut(line, []byte{','})
		if column >= skip {
			if filled == len(row) {
				return columnsError(bytes.Count(line, []byte{','})+1+filled, len(row))
			}
			value, err := parseFloat(cell)
			if err != nil {
				return fmt.Errorf("column %d: %w", column+1, err)
			}
			row[filled] = value
			filled++
		}
		if !more {
			break
		}
		line = rest
	}
	if filled < len(row) {
		return columnsError(filled, len(row))
	}
	return nil
}

// parseFloat reads one number. Short whole numbers, which most cells are, take a short way.
func parseFloat(cell []byte) (float32, error) {
	if len(cell) > 0 && (cell[0] == ' ' || cell[0] == '"' || cell[len(cell)-1] == ' ' || cell[len(cell)-1] == '"') {
		cell = bytes.Trim(bytes.TrimSpace(cell), `"`)
	}
	if len(cell) == 0 {
		return 0, fmt.Errorf("an empty cell is not a number")
	}
	if whole, ok := parseWhole(cell); ok {
		return whole, nil
	}
	value, err := strconv.ParseFloat(string(cell), 32)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, fmt.Errorf("%.40q is not a finite number", cell)
	}
	return float32(value), nil
}

// parseWhole reads up to seven digits, all of which a float32 holds exactly.
func parseWhole(cell []byte) (float32, bool) {
	if len(cell) > 7 {
		return 0, false
	}
	value := 0
	for _, c := range cell {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int(c-'0')
	}
	return float32(value), true
}
