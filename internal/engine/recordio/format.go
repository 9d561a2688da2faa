package recordio

import (
	"fmt"
	"mime"
	"strconv"
	"strings"
)

// Format is one of the data formats, by its media type.
type Format string

// The formats of the built-in algorithms.
const (
	RecordIO  Format = "application/x-recordio-protobuf"
	CSV       Format = "text/csv"
	JSON      Format = "application/json"
	JSONLines Format = "application/jsonlines"
)

// ContentType is a parsed content type. LabelSize counts the leading CSV columns that are labels
// and not features; it is -1 when the type does not say.
type ContentType struct {
	Format    Format
	LabelSize int
}

// maxLabelSize keeps a mistyped label_size from being taken as a width.
const maxLabelSize = 1 << 20

// ParseContentType reads text such as "text/csv;label_size=0".
func ParseContentType(text string) (ContentType, error) {
	media, parameters, err := mime.ParseMediaType(text)
	if err != nil {
		return ContentType{}, fmt.Errorf("content type %q: %w", text, err)
	}
	content := ContentType{Format: Format(media), LabelSize: -1}
	switch content.Format {
	case RecordIO, CSV, JSON, JSONLines:
	case "application/json-lines", "application/x-jsonlines":
		content.Format = JSONLines
	default:
		return ContentType{}, fmt.Errorf("content type %q is not one of %s, %s, %s, %s", media, RecordIO, CSV, JSON, JSONLines)
	}
	if size, ok := parameters["label_size"]; ok {
		content.LabelSize, err = strconv.Atoi(strings.TrimSpace(size))
		if err != nil || content.LabelSize < 0 || content.LabelSize > maxLabelSize {
			return ContentType{}, fmt.Errorf("content type %q: label_size is not a count of columns", text)
		}
	}
	return content, nil
}
