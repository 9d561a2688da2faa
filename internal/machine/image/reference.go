package image

import (
	"fmt"
	"regexp"
)

// reference is a name as a customer writes it: host/repository:tag or host/repository@digest.
type reference struct {
	repository, tag string
	digest          Digest
}

var referenceForm = regexp.MustCompile(`^((?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?` +
	`[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)` +
	`(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`)

// parse reads a reference; without tag and digest it means "latest".
func parse(ref string) (reference, error) {
	found := referenceForm.FindStringSubmatch(ref)
	if found == nil || len(ref) > 512 {
		return reference{}, fmt.Errorf("image reference %q: %w", ref, ErrMalformed)
	}
	name := reference{repository: found[1], tag: found[2], digest: Digest(found[3])}
	if name.tag == "" && name.digest == "" {
		name.tag = "latest"
	}
	return name, nil
}

func (r reference) full() string {
	if r.digest != "" {
		return r.repository + "@" + string(r.digest)
	}
	return r.repository + ":" + r.tag
}
