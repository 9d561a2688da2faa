package wire

import (
	"encoding/base64"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var errText = errors.New("not a value of its type")

// parseText sets a scalar from the text that forms, headers and XML carry.
func parseText(p *plan, v reflect.Value, s string) error {
	switch p.shape.Type {
	case "string":
		v.SetString(s)
		return nil
	case "blob":
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
		if err != nil {
			return errText
		}
		v.SetBytes(b)
		return nil
	}
	s = strings.TrimSpace(s)
	switch p.shape.Type {
	case "boolean":
		if !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false") {
			return errText
		}
		v.SetBool(len(s) == 4)
	case "integer", "long":
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return errText
		}
		v.SetInt(n)
	case "float", "double":
		f, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil {
			return errText
		}
		v.SetFloat(f)
	case "timestamp":
		t, err := parseTime(s)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(t))
	default:
		return errText
	}
	return nil
}

// appendText writes a scalar as forms, headers and XML carry it.
func appendText(b []byte, p *plan, v reflect.Value, format string) []byte {
	switch p.shape.Type {
	case "string":
		return append(b, v.String()...)
	case "blob":
		return base64.StdEncoding.AppendEncode(b, v.Bytes())
	case "boolean":
		return strconv.AppendBool(b, v.Bool())
	case "integer", "long":
		return strconv.AppendInt(b, v.Int(), 10)
	case "float", "double":
		return appendFloat(b, v.Float(), v.Type().Bits())
	case "timestamp":
		if p.shape.Format != "" {
			format = p.shape.Format
		}
		return appendTime(b, v.Interface().(time.Time), format)
	}
	return b
}

func appendFloat(b []byte, f float64, bits int) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	}
	form := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(b, f, form, -1, bits)
}

// Timestamp formats; iso8601 and unixTimestamp and rfc822 are the model's own words.
const (
	isoSeconds = "iso8601s" // without fractions, as the query protocol prints
	isoMillis  = "iso8601"
	rfc822     = "rfc822"
	unixTime   = "unixTimestamp"
)

func appendTime(b []byte, t time.Time, format string) []byte {
	t = t.UTC()
	switch format {
	case rfc822:
		return t.AppendFormat(b, "Mon, 02 Jan 2006 15:04:05 GMT")
	case unixTime:
		b = strconv.AppendInt(b, t.Unix(), 10)
		if ms := t.Nanosecond() / 1e6; ms != 0 && t.Unix() >= 0 {
			b = append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
		}
		return b
	case isoSeconds:
		return t.AppendFormat(b, "2006-01-02T15:04:05Z")
	}
	return t.AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

var timeForms = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "20060102T150405Z", "2006-01-02",
	"Mon, 02 Jan 2006 15:04:05 MST", time.RFC850, time.ANSIC}

// parseTime takes every form that AWS's clients send, whatever the model says.
func parseTime(s string) (time.Time, error) {
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return time.Time{}, errText
	}
	return fromUnix(f)
}

// fromUnix takes seconds within the years that can be printed, to the millisecond.
func fromUnix(f float64) (time.Time, error) {
	if !(f > -62135596800 && f < 253402300800) {
		return time.Time{}, errText
	}
	return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), nil
}
