package kmeans

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Model is what training gives: K centers of Dim features, one after another.
type Model struct {
	K, Dim  int
	Centers []float32
}

// Center gives the features of one center.
func (m Model) Center(i int) []float32 { return m.Centers[i*m.Dim : (i+1)*m.Dim] }

// The file of a model is a list of MXNet NDArrays with one dense float32 array of K x Dim and no
// names, little-endian throughout, which mxnet.nd.load reads.
const (
	listMagic  = 0x112
	arrayMagic = 0xF993FAC9 // second version: storage type before the shape
	deviceCPU  = 1
	typeFloat  = 0
)

// Encode gives the model's file.
func (m Model) Encode() []byte {
	order := binary.LittleEndian
	out := order.AppendUint64(nil, listMagic)
	out = order.AppendUint64(out, 0) // reserved
	out = order.AppendUint64(out, 1) // arrays
	out = order.AppendUint32(out, arrayMagic)
	out = order.AppendUint32(out, 0) // dense storage
	out = order.AppendUint32(out, 2) // dimensions
	out = order.AppendUint64(out, uint64(m.K))
	out = order.AppendUint64(out, uint64(m.Dim))
	out = order.AppendUint32(out, deviceCPU)
	out = order.AppendUint32(out, 0) // device number
	out = order.AppendUint32(out, typeFloat)
	for _, v := range m.Centers {
		out = order.AppendUint32(out, math.Float32bits(v))
	}
	return order.AppendUint64(out, 0) // names
}

// DecodeModel reads a model's file.
func DecodeModel(file []byte) (Model, error) {
	r := fileReader{data: file}
	if magic := r.uint64(); magic != listMagic {
		return Model{}, fmt.Errorf("model file begins with 0x%x: it is not a list of MXNet NDArrays", magic)
	}
	r.uint64()
	if arrays := r.uint64(); arrays != 1 {
		return Model{}, fmt.Errorf("model file has %d arrays, not 1", arrays)
	}
	if magic, storage := r.uint32(), r.uint32(); magic != arrayMagic || storage != 0 {
		return Model{}, fmt.Errorf("model array is of kind 0x%x, storage %d: not a dense array of version 2", magic, storage)
	}
	if dimensions := r.uint32(); dimensions != 2 {
		return Model{}, fmt.Errorf("model array has %d dimensions, not 2", dimensions)
	}
	rows, columns := r.uint64(), r.uint64()
	r.uint64() // the device it was on
	if kind := r.uint32(); kind != typeFloat {
		return Model{}, fmt.Errorf("model array has elements of type %d, not float32", kind)
	}
	return r.centers(rows, columns)
}

// fileReader takes numbers from a file; past its end they are zero and short is set.
type fileReader struct {
	data  []byte
	short bool
}

func (r *fileReader) uint32() uint32 {
	if len(r.data) < 4 {
		r.short, r.data = true, nil
		return 0
	}
	v := binary.LittleEndian.Uint32(r.data)
	r.data = r.data[4:]
	return v
}

func (r *fileReader) uint64() uint64 {
	low := r.uint32()
	return uint64(low) | uint64(r.uint32())<<32
}

func (r *fileReader) centers(rows, columns uint64) (Model, error) {
	have := uint64(len(r.data) / 4)
	if r.short || rows == 0 || columns == 0 || columns > have || rows > have/columns {
		return Model{}, fmt.Errorf("model file is cut short: %d centers of %d features in %d bytes", rows, columns, len(r.data))
	}
	m := Model{K: int(rows), Dim: int(columns), Centers: make([]float32, rows*columns)}
	for i := range m.Centers {
		m.Centers[i] = math.Float32frombits(r.uint32())
		if v := float64(m.Centers[i]); math.IsNaN(v) || math.IsInf(v, 0) {
			return Model{}, errors.New("model file has a center that is not finite")
		}
	}
	return m, nil
}
