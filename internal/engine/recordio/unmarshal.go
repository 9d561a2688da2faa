package recordio

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Unmarshal reads a Record message. Unknown fields are passed over.
func Unmarshal(message []byte) (Record, error) {
	record := Record{}
	err := eachField(message, func(f field) error {
		if f.id > fieldConfiguration {
			return nil
		}
		if err := f.expect(wireBytes); err != nil {
			return err
		}
		switch f.id {
		case fieldFeatures:
			return addEntry(&record.Features, f.data)
		case fieldLabel:
			return addEntry(&record.Label, f.data)
		case fieldUID:
			record.UID = string(f.data)
		case fieldMetadata:
			record.Metadata = string(f.data)
		case fieldConfiguration:
			record.Configuration = string(f.data)
		}
		return nil
	})
	return record, err
}

func addEntry(entries *map[string]Tensor, message []byte) error {
	key, value, err := splitEntry(message)
	if err != nil {
		return err
	}
	tensor, err := unmarshalValue(value)
	if err != nil {
		return fmt.Errorf("%q: %w", key, err)
	}
	if *entries == nil {
		*entries = map[string]Tensor{}
	}
	(*entries)[string(key)] = tensor
	return nil
}

func splitEntry(message []byte) (key, value []byte, err error) {
	for len(message) > 0 {
		f, rest, err := nextField(message)
		if err != nil {
			return nil, nil, err
		}
		if f.id == fieldKey || f.id == fieldValue {
			if err := f.expect(wireBytes); err != nil {
				return nil, nil, err
			}
		}
		switch f.id {
		case fieldKey:
			key = f.data
		case fieldValue:
			value = f.data
		}
		message = rest
	}
	return key, value, nil
}

// splitValue gives the last tensor of a Value message: the last member of a oneof wins.
func splitValue(message []byte) (kind Kind, tensor []byte, err error) {
	for len(message) > 0 {
		f, rest, err := nextField(message)
		if err != nil {
			return 0, nil, err
		}
		switch k := Kind(f.id); k {
		case Float32, Float64, Int32, Bytes:
			if err := f.expect(wireBytes); err != nil {
				return 0, nil, err
			}
			kind, tensor = k, f.data
		}
		message = rest
	}
	return kind, tensor, nil
}

func unmarshalValue(message []byte) (Tensor, error) {
	kind, body, err := splitValue(message)
	if err != nil {
		return Tensor{}, err
	}
	tensor := Tensor{Kind: kind}
	err = eachField(body, func(f field) error {
		if kind == Bytes {
			return tensor.addBytes(f)
		}
		switch f.id {
		case fieldValues:
			return tensor.addValues(f)
		case fieldKeys:
			return appendUvarints(&tensor.Keys, f)
		case fieldShape:
			return appendUvarints(&tensor.Shape, f)
		}
		return nil
	})
	return tensor, err
}

func (t *Tensor) addBytes(f field) error {
	if f.id > 2 {
		return nil
	}
	if err := f.expect(wireBytes); err != nil {
		return err
	}
	if f.id == 1 {
		t.Bytes = append(t.Bytes, f.data)
	} else {
		t.ContentType = string(f.data)
	}
	return nil
}

func (t *Tensor) addValues(f field) error {
	return eachNumber(t.Kind, f, func(bits uint64) {
		switch t.Kind {
		case Float32:
			t.Float32s = append(t.Float32s, math.Float32frombits(uint32(bits)))
		case Float64:
			t.Float64s = append(t.Float64s, math.Float64frombits(bits))
		case Int32:
			t.Int32s = append(t.Int32s, int32(bits))
		}
	})
}

func appendUvarints(list *[]uint64, f field) error {
	return eachNumber(Int32, f, func(bits uint64) { *list = append(*list, bits) })
}

// eachNumber visits the numbers of a repeated field, packed or not.
func eachNumber(kind Kind, f field, visit func(bits uint64)) error {
	wire := map[Kind]int{Float32: wireFixed32, Float64: wireFixed64, Int32: wireVarint}[kind]
	if f.wire != wireBytes {
		if err := f.expect(wire); err != nil {
			return err
		}
		visit(f.number)
		return nil
	}
	for data := f.data; len(data) > 0; {
		bits, size := number(kind, data)
		if size <= 0 {
			return errTruncated
		}
		visit(bits)
		data = data[size:]
	}
	return nil
}

// number takes the first packed number of data; size is not positive when there is no whole one.
func number(kind Kind, data []byte) (bits uint64, size int) {
	switch kind {
	case Float32:
		if len(data) >= 4 {
			return uint64(binary.LittleEndian.Uint32(data)), 4
		}
	case Float64:
		if len(data) >= 8 {
			return binary.LittleEndian.Uint64(data), 8
		}
	case Int32:
		return binary.Uvarint(data)
	}
	return 0, 0
}
