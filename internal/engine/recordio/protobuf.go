package recordio

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Wire types of the protobuf encoding.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

var errTruncated = errors.New("protobuf message is cut short")

// field is one field of a message. For wireBytes data holds its content; for the others number does.
type field struct {
	id, wire int
	data     []byte
	number   uint64
}

// nextField splits the first field off message.
func nextField(message []byte) (f field, rest []byte, err error) {
	tag, n := binary.Uvarint(message)
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return f, nil, errTruncated
	}
	f.id, f.wire = int(tag>>3), int(tag&7)
	message = message[n:]
	switch f.wire {
	case wireVarint, wireBytes:
		f.number, n = binary.Uvarint(message)
		if n <= 0 {
			return f, nil, errTruncated
		}
		message = message[n:]
	case wireFixed64:
		if len(message) < 8 {
			return f, nil, errTruncated
		}
		f.number, message = binary.LittleEndian.Uint64(message), message[8:]
	case wireFixed32:
		if len(message) < 4 {
			return f, nil, errTruncated
		}
		f.number, message = uint64(binary.LittleEndian.Uint32(message)), message[4:]
	default:
		return f, nil, fmt.Errorf("protobuf field %d has the unknown wire type %d", f.id, f.wire)
	}
	if f.wire == wireBytes {
		if f.number > uint64(len(message)) {
			return f, nil, errTruncated
		}
		f.data, message = message[:f.number], message[f.number:]
	}
	return f, message, nil
}

// eachField calls visit for every field of message in order.
func eachField(message []byte, visit func(field) error) error {
	for len(message) > 0 {
		f, rest, err := nextField(message)
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		message = rest
	}
	return nil
}

func (f field) expect(wire int) error {
	if f.wire != wire {
		return fmt.Errorf("protobuf field %d has wire type %d, not %d", f.id, f.wire, wire)
	}
	return nil
}

func appendTag(dst []byte, id, wire int) []byte {
	return binary.AppendUvarint(dst, uint64(id)<<3|uint64(wire))
}

func appendBytes(dst []byte, id int, data []byte) []byte {
	dst = appendTag(dst, id, wireBytes)
	dst = binary.AppendUvarint(dst, uint64(len(data)))
	return append(dst, data...)
}

func appendText(dst []byte, id int, text string) []byte {
	if text == "" {
		return dst
	}
	return appendBytes(dst, id, []byte(text))
}
