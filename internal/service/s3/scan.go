package s3

import (
	"net/url"
	"strings"

	"cloister/internal/machine/store"
)

// entry is one record of a listing, with its name.
type entry[T any] struct {
	Key   string
	Value *T
}

// page is one answer of a listing: records and common prefixes, both in order.
type page[T any] struct {
	entries  []entry[T]
	prefixes []string
	last     string // the last record's or prefix's name
	next     string // the least name that is not in the page; "" at the end
}

// scan is one listing of a bucket.
type scan[T any] struct {
	table             store.Table[T]
	bucket            string
	prefix, delimiter string
	from              string // the least name to look at
	most              int
	name              func(key string) string // of a record; nil when its key is its name
	page              page[T]
}

// few is how many records are read at once behind a common prefix, where most may be passed over.
const few = 6

// run reads the page. With a delimiter it jumps over what a common prefix stands for, so a page costs
// in proportion to what it shows and not to what lies below.
func (s *scan[T]) run(tx *store.Tx) (*page[T], error) {
	if s.most == 0 {
		return &s.page, nil
	}
	base := store.Prefix(s.bucket)
	size := s.most + 1
	if s.delimiter != "" {
		size = min(size, few)
	}
	for {
		found, err := s.table.From(tx, base+s.prefix, base+s.from, size)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			key := e.Key[len(base):]
			if key < s.from {
				continue // below a common prefix that is in the page
			}
			if full := s.take(key, e.Value); full {
				s.page.next = s.from
				return &s.page, nil
			}
		}
		if len(found) < size {
			return &s.page, nil
		}
		if size = min(2*size, s.most+1); s.delimiter != "" && strings.HasSuffix(s.page.last, s.delimiter) {
			size = min(few, s.most+1)
		}
	}
}

// take adds a record, or the common prefix it is under; true when the page has no room for it.
func (s *scan[T]) take(key string, v *T) bool {
	name := key
	if s.name != nil {
		name = s.name(key)
	}
	full := len(s.page.entries)+len(s.page.prefixes) == s.most
	s.from = key
	if common := shared(name, s.prefix, s.delimiter); common != "" {
		if full {
			s.from = common
			return true
		}
		s.page.prefixes = append(s.page.prefixes, common)
		s.page.last, s.from = common, store.AfterPrefix(common)
		return false
	}
	if full {
		return true
	}
	s.page.entries = append(s.page.entries, entry[T]{name, v})
	s.page.last, s.from = name, store.After(key)
	return false
}

// shared is the common prefix that a name is under, "" when it is under none.
func shared(name, prefix, delimiter string) string {
	if delimiter == "" {
		return ""
	}
	i := strings.Index(name[len(prefix):], delimiter)
	if i < 0 {
		return ""
	}
	return name[:len(prefix)+i+len(delimiter)]
}

// behind is where a listing goes on after a name that a customer gives. A common prefix stands for all
// that is below it.
func behind(name, prefix, delimiter string) string {
	if name == "" {
		return ""
	}
	if strings.HasPrefix(name, prefix) && shared(name, prefix, delimiter) == name {
		return store.AfterPrefix(name)
	}
	return store.After(name)
}

// maxPage is the longest page.
const maxPage = 1000

// limit reads max-keys and its like.
func limit(n *int32, name string) (int, error) {
	switch {
	case n == nil:
		return maxPage, nil
	case *n < 0:
		return 0, badArgument(name, itoa(*n), "Argument %s must be an integer between 0 and 2147483647", name)
	}
	return min(int(*n), maxPage), nil
}

// coder writes names as encoding-type asks.
type coder bool

func (c coder) text(s string) *string {
	if c {
		s = strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), "%2F", "/")
	}
	return &s
}

// some is text for members that are left out when there is nothing to say.
func (c coder) some(s *string) *string {
	if s == nil {
		return nil
	}
	return c.text(*s)
}
