package batch

import (
	"io"
	"iter"
)

// Request is what is posted at once: records, and where they were in the object (counted from 1).
type Request struct {
	Body  []byte
	First int
	Count int
}

// Requests puts the records of an object into requests of at most limit bytes, 0 without bound: one each, or as
// many whole ones as fit (many).
func Requests(r io.Reader, split Split, many bool, limit int64) iter.Seq2[Request, error] {
	return func(yield func(Request, error) bool) {
		var now Request
		n := 0
		for b, err := range Records(r, split, many, limit) {
			if err != nil {
				if now.Count == 0 || yield(now, nil) {
					yield(Request{}, err)
				}
				return
			}
			n++
			if limit > 0 && int64(len(b)) > limit {
				if now.Count == 0 || yield(now, nil) {
					yield(Request{}, &RecordError{n, ErrTooLarge})
				}
				return
			}
			full := now.Count > 0 && (!many || limit > 0 && int64(len(now.Body)+len(b)) > limit)
			if full {
				if !yield(now, nil) {
					return
				}
				now = Request{}
			}
			if now.Count == 0 {
				now.First = n
			} else if split == Line && now.Body[len(now.Body)-1] != '\n' {
				now.Body = append(now.Body, '\n')
			}
			now.Body = append(now.Body, b...)
			now.Count++
		}
		if now.Count > 0 {
			yield(now, nil)
		}
	}
}
