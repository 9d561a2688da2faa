// Package decide answers questions to the policy engine, a JSON line each: docs/decide.md.
//
// It promises an answer to every line, in order, each before the next is waited for. It must not know
// any server or store.
package decide

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"cloister/internal/engine/policy"
)

// longestLine holds a question with every policy at its greatest size.
const longestLine = 64 << 20

// Lines answers line by line; what was answered is written before it waits for more.
func Lines(from io.Reader, to io.Writer, quiet bool) error {
	in := bufio.NewReaderSize(from, 1<<16)
	out := bufio.NewWriter(to)
	write := json.NewEncoder(out)
	write.SetEscapeHTML(false)
	known := documents{}
	for number := 1; ; number++ {
		line, long, err := readLine(in)
		if long {
			line = nil
			if err := write.Encode(answer{Result: "invalid", Error: fmt.Sprintf("line %d: longer than %d bytes", number, longestLine)}); err != nil {
				return err
			}
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\uFEFF"))
		}
		if text := strings.TrimSpace(string(line)); text != "" {
			a := answerTo([]byte(text), known)
			if a.Error != "" && a.ID == nil {
				a.Error = fmt.Sprintf("line %d: %s", number, a.Error)
			}
			if quiet {
				a.Reasons = nil
			}
			if err := write.Encode(a); err != nil {
				return err
			}
		}
		if !another(in) || err != nil {
			if flush := out.Flush(); flush != nil {
				return flush
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
}

// another tells whether a whole line more has come.
func another(in *bufio.Reader) bool {
	come, _ := in.Peek(in.Buffered()) // what is there can be had
	return bytes.IndexByte(come, '\n') >= 0
}

// readLine reads to the end of a line; of one that is too long nothing is kept.
func readLine(in *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, more := in.ReadSlice('\n')
		if long = long || len(line)+len(part) > longestLine; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(more, bufio.ErrBufferFull) {
			return line, long, more
		}
	}
}

// answer is one line out.
type answer struct {
	ID     json.RawMessage `json:"id"`
	Result string          `json:"result"` // Allowed, ImplicitDeny, ExplicitDeny or invalid
	// Decided is what decided: for an implicit deny, the kind of policy that should have allowed.
	Decided *policy.Result        `json:"decided,omitempty"`
	Message string                `json:"message,omitempty"` // AWS's sentence for a denial
	Reasons []policy.PolicyReport `json:"reasons,omitempty"`
	Error   string                `json:"error,omitempty"`
}

// wrong says what is wrong with JSON: at a member, or at all.
func wrong(err error) string {
	var kind *json.UnmarshalTypeError
	if !errors.As(err, &kind) {
		return ": " + strings.TrimPrefix(err.Error(), "json: ")
	}
	if field := strings.Trim(kind.Field, "."); field != "" {
		return "." + field + ": cannot be " + kind.Value
	}
	return ": cannot be " + kind.Value
}

func answerTo(line []byte, known documents) answer {
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return answer{ID: q.ID, Result: "invalid", Error: strings.TrimPrefix("question"+wrong(err), "question.")}
	}
	if !utf8.Valid(line) {
		if !utf8.Valid(q.ID) {
			q.ID = nil // the answer is UTF-8
		}
		return answer{ID: q.ID, Result: "invalid", Error: "not UTF-8"} // decoding would make one text of different ones
	}
	stack, request, err := q.read(known)
	if err != nil {
		return answer{ID: q.ID, Result: "invalid", Error: err.Error()}
	}
	r := policy.Explain(stack, request).Report()
	settled, message := policy.Settled(request, r.Result), r.Message
	if settled != r.Result {
		message = ""
		if settled.Effect != policy.Allowed {
			message = policy.Sentence(request, settled)
		}
	}
	return answer{ID: q.ID, Result: settled.Effect.String(), Decided: &settled, Message: message, Reasons: r.Policies}
}
