package recordio

import (
	"errors"
	"fmt"
	"math"
)

var errNoFeatures = errors.New(`the record has no feature tensor "values"`)

// FillDense writes the feature tensor "values" of a Record message into row, which has one element
// per feature. A sparse tensor's absent elements become zero. It allocates nothing.
func FillDense(row []float32, message []byte) error {
	tensor, kind, err := findFeatures(message)
	if err != nil {
		return err
	}
	values, keys, shape, err := splitTensor(tensor)
	if err != nil {
		return err
	}
	if len(keys) == 0 && !isSparse(shape, values) {
		return fillPacked(row, kind, values)
	}
	return fillSparse(row, kind, values, keys)
}

// isSparse tells an empty sparse tensor, which only its shape shows, from an empty dense one.
func isSparse(shape, values []byte) bool { return len(shape) > 0 && len(values) == 0 }

func findFeatures(message []byte) (tensor []byte, kind Kind, err error) {
	found := false
	for len(message) > 0 {
		f, rest, err := nextField(message)
		if err != nil {
			return nil, 0, err
		}
		message = rest
		if f.id != fieldFeatures || f.wire != wireBytes {
			continue
		}
		key, value, err := splitEntry(f.data)
		if err != nil {
			return nil, 0, err
		}
		if string(key) != ValuesKey {
			continue
		}
		if kind, tensor, err = splitValue(value); err != nil {
			return nil, 0, err
		}
		found = true
	}
	if !found {
		return nil, 0, errNoFeatures
	}
	if kind != Float32 && kind != Float64 && kind != Int32 {
		return nil, 0, errors.New(`the feature tensor "values" holds no numbers`)
	}
	return tensor, kind, nil
}

// splitTensor gives the packed lists of a tensor. The format packs them always, so a list in pieces
// or unpacked is refused here; Unmarshal reads it.
func splitTensor(tensor []byte) (values, keys, shape []byte, err error) {
	for len(tensor) > 0 {
		f, rest, err := nextField(tensor)
		if err != nil {
			return nil, nil, nil, err
		}
		tensor = rest
		if f.id > fieldShape {
			continue
		}
		if err := f.expect(wireBytes); err != nil {
			return nil, nil, nil, err
		}
		list := [...]*[]byte{fieldValues: &values, fieldKeys: &keys, fieldShape: &shape}[f.id]
		if len(*list) > 0 {
			return nil, nil, nil, fmt.Errorf("protobuf field %d of the tensor comes twice", f.id)
		}
		*list = f.data
	}
	return values, keys, shape, nil
}

func fillPacked(row []float32, kind Kind, values []byte) error {
	for i := range row {
		bits, size := number(kind, values)
		if size <= 0 {
			return columnsError(i, len(row))
		}
		row[i], values = toFloat32(kind, bits), values[size:]
	}
	if len(values) > 0 {
		return fmt.Errorf("the row has more than %d features, feature_dim is %d", len(row), len(row))
	}
	return nil
}

func fillSparse(row []float32, kind Kind, values, keys []byte) error {
	clear(row)
	for len(keys) > 0 {
		key, size := number(Int32, keys)
		if size <= 0 {
			return errTruncated
		}
		keys = keys[size:]
		if key >= uint64(len(row)) {
			return fmt.Errorf("sparse key %d is outside feature_dim %d", key, len(row))
		}
		bits, size := number(kind, values)
		if size <= 0 {
			return errors.New("the sparse tensor has fewer values than keys")
		}
		row[key], values = toFloat32(kind, bits), values[size:]
	}
	if len(values) > 0 {
		return errors.New("the sparse tensor has more values than keys")
	}
	return nil
}

func toFloat32(kind Kind, bits uint64) float32 {
	switch kind {
	case Float32:
		return math.Float32frombits(uint32(bits))
	case Float64:
		return float32(math.Float64frombits(bits))
	default:
		return float32(int32(bits))
	}
}

func columnsError(got, want int) error {
	return fmt.Errorf("the row has %d features, feature_dim is %d", got, want)
}
