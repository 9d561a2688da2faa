package memory

import (
	"bytes"
	"io"
	"time"
	"unicode/utf8"

	"cloister/internal/machine/executor"
)

// maxLine is where a line is cut in two, as runc's shim does.
const maxLine = 256 << 10

// Write makes the container the output of its program.
func (c *container) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return 0, io.ErrClosedPipe
	}
	c.part = append(c.part, p...)
	for len(c.part) > 0 {
		end, next := bytes.IndexByte(c.part, '\n'), 0
		switch {
		case end >= 0 && end <= maxLine:
			next = end + 1
		case len(c.part) > maxLine:
			end = maxLine
			for end > maxLine-utf8.UTFMax && !utf8.RuneStart(c.part[end]) {
				end--
			}
			next = end
		}
		if next == 0 {
			break
		}
		c.add(c.part[:end])
		c.part = c.part[next:]
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return len(p), nil
}

func (c *container) add(text []byte) {
	c.lines = append(c.lines, executor.Line{Sequence: int64(len(c.lines)), Time: time.Now(), Text: string(text)})
}
