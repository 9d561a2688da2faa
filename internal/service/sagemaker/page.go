package sagemaker

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// entry is what a listing sorts and filters by; every kind of resource can give one.
type entry struct {
	name, status      string
	created, modified time.Time
}

// query is what the List operations have in common.
type query struct {
	nameContains, status          string
	pool                          string // of a warm pool: the operation filters by it
	createdAfter, createdBefore   *time.Time
	modifiedAfter, modifiedBefore *time.Time
	sortBy, sortOrder             *string
	nextToken                     *string
	maxResults                    *int32
	operation, account            string
}

// pageSize is what the console-era lists give when nothing is said.
const pageSize = 10

// ascending is how AWS documents that some lists are sorted of which nothing is said; the others begin with the last.
const ascending = "Ascending"

// position is where the next page begins. It is bound to the query that made it.
type position struct {
	Query uint64
	Key   string
	Name  string
}

// paged filters, sorts and cuts; see gives what an item is filtered and sorted by.
func paged[T any](q *query, items []*T, see func(*T) entry) (page []*T, next *string, err error) {
	from, err := q.position()
	if err != nil {
		return nil, nil, err
	}
	type row struct {
		item      *T
		key, name string
	}
	var rows []row
	for _, it := range items {
		if e := see(it); q.wants(e) {
			rows = append(rows, row{it, q.key(e), e.name})
		}
	}
	order := func(aKey, aName, bKey, bName string) int {
		n := cmp.Or(strings.Compare(aKey, bKey), strings.Compare(aName, bName))
		if text(orText(q.sortOrder, "Descending")) == "Descending" {
			return -n
		}
		return n
	}
	slices.SortFunc(rows, func(a, b row) int { return order(a.key, a.name, b.key, b.name) })
	size := int(number(q.maxResults, pageSize))
	for _, r := range rows {
		if from != nil && order(r.key, r.name, from.Key, from.Name) <= 0 {
			continue
		}
		if len(page) == size {
			last := see(page[size-1])
			return page, q.token(position{q.sum(), q.key(last), last.name}), nil
		}
		page = append(page, r.item)
	}
	return page, nil, nil
}

func (q *query) wants(e entry) bool {
	switch {
	case q.nameContains != "" && !strings.Contains(lower(e.name), lower(q.nameContains)),
		q.status != "" && q.status != e.status,
		q.createdAfter != nil && !e.created.After(*q.createdAfter),
		q.createdBefore != nil && !e.created.Before(*q.createdBefore),
		q.modifiedAfter != nil && !e.modified.After(*q.modifiedAfter),
		q.modifiedBefore != nil && !e.modified.Before(*q.modifiedBefore):
		return false
	}
	return true
}

// key is what an entry is sorted by, as text that sorts the same.
func (q *query) key(e entry) string {
	switch text(orText(q.sortBy, "CreationTime")) {
	case "Name":
		return e.name
	case "Status":
		return e.status
	}
	return e.created.UTC().Format("2006-01-02T15:04:05.000000000")
}

func (q *query) sum() uint64 {
	h := fnv.New64a()
	b, err := json.Marshal([]any{q.operation, q.account, q.nameContains, q.status, q.pool, q.createdAfter, q.createdBefore, q.modifiedAfter, q.modifiedBefore, q.sortBy, q.sortOrder})
	if err == nil {
		h.Write(b)
	}
	return h.Sum64()
}

func (q *query) token(p position) *string {
	b, err := json.Marshal(p)
	if err != nil {
		return nil
	}
	return new(base64.RawURLEncoding.EncodeToString(b))
}

func (q *query) position() (*position, error) {
	if text(q.nextToken) == "" {
		return nil, nil
	}
	var p position
	b, err := base64.RawURLEncoding.DecodeString(*q.nextToken)
	if err != nil || json.Unmarshal(b, &p) != nil || p.Query != q.sum() {
		return nil, validation.New("Invalid pagination token because %q.", *q.nextToken)
	}
	return &p, nil
}
