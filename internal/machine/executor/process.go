package executor

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ErrMalformed is in what Start gives for a command, an environment or a working directory that no process can have: it
// is the image's, or the customer's, and will not become better.
var ErrMalformed = errors.New("malformed")

const (
	// longestText is what the kernel takes as one argument or variable, with the byte that ends it, and longestTexts what
	// it takes of all together where nobody has given it more.
	longestText  = 128 << 10
	longestTexts = 2 << 20
)

// Process says with ErrMalformed what of a container's process cannot be.
func (s *Spec) Process() error {
	if len(s.Args) == 0 {
		return fmt.Errorf("%w: there is no command", ErrMalformed)
	}
	if s.Directory != "" && !path.IsAbs(s.Directory) {
		return fmt.Errorf("%w: the working directory %q is not absolute", ErrMalformed, s.Directory)
	}
	all := 0
	for _, text := range slices.Concat([]string{s.Hostname, s.Directory}, s.Args, s.Env) {
		if strings.ContainsRune(text, 0) {
			return fmt.Errorf("%w: there is a zero byte in the command, the environment or the working directory", ErrMalformed)
		}
		if len(text) >= longestText {
			return fmt.Errorf("%w: an argument or a variable of the environment is longer than %d bytes", ErrMalformed, longestText-1)
		}
		all += len(text) + 9 // an end and a pointer
	}
	if all > longestTexts {
		return fmt.Errorf("%w: the command and the environment are longer than %d bytes", ErrMalformed, longestTexts)
	}
	return nil
}
