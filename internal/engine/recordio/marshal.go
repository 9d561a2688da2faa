package recordio

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
)

// Append appends record as a protobuf message; map entries come in the order of their keys, so that
// equal records give equal bytes.
func Append(dst []byte, record Record) []byte {
	dst = appendEntries(dst, fieldFeatures, record.Features)
	dst = appendEntries(dst, fieldLabel, record.Label)
	dst = appendText(dst, fieldUID, record.UID)
	dst = appendText(dst, fieldMetadata, record.Metadata)
	return appendText(dst, fieldConfiguration, record.Configuration)
}

func appendEntries(dst []byte, id int, entries map[string]Tensor) []byte {
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		entry := appendBytes(nil, fieldKey, []byte(key))
		entry = appendBytes(entry, fieldValue, marshalValue(entries[key]))
		dst = appendBytes(dst, id, entry)
	}
	return dst
}

func marshalValue(t Tensor) []byte {
	if t.Kind == 0 {
		return nil
	}
	var body []byte
	if t.Kind == Bytes {
		for _, item := range t.Bytes {
			body = appendBytes(body, 1, item)
		}
		body = appendText(body, 2, t.ContentType)
	} else {
		body = appendPacked(body, fieldValues, packValues(t))
		body = appendPacked(body, fieldKeys, packUvarints(t.Keys))
		body = appendPacked(body, fieldShape, packUvarints(t.Shape))
	}
	return appendBytes(nil, int(t.Kind), body)
}

func appendPacked(dst []byte, id int, packed []byte) []byte {
	if len(packed) == 0 {
		return dst
	}
	return appendBytes(dst, id, packed)
}

func packValues(t Tensor) []byte {
	var packed []byte
	for _, v := range t.Float32s {
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(v))
	}
	for _, v := range t.Float64s {
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(v))
	}
	for _, v := range t.Int32s {
		packed = binary.AppendUvarint(packed, uint64(int64(v)))
	}
	return packed
}

func packUvarints(list []uint64) []byte {
	var packed []byte
	for _, v := range list {
		packed = binary.AppendUvarint(packed, v)
	}
	return packed
}

// AppendPrediction appends one framed Record without features whose label holds each named number,
// the form in which built-in algorithms answer. Names and numbers go by index.
func AppendPrediction(dst []byte, names []string, numbers []float32) []byte {
	var record, entry, value []byte
	for i, name := range names {
		packed := binary.LittleEndian.AppendUint32(nil, math.Float32bits(numbers[i]))
		value = appendBytes(value[:0], int(Float32), appendBytes(nil, fieldValues, packed))
		entry = appendBytes(entry[:0], fieldKey, []byte(name))
		entry = appendBytes(entry, fieldValue, value)
		record = appendBytes(record, fieldLabel, entry)
	}
	return AppendFrame(dst, record)
}
