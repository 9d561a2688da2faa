package policy

import (
	"strconv"
	"time"
)

// Filler supplies values that are dear to make. Fill is called at most once for each key of a
// Context that a condition or a variable asks for and that is not set, and may set it, and others.
type Filler interface {
	Fill(c *Context, key Key, name string)
}

// Context holds the values of condition keys in one request. The zero value is empty and ready; it
// is for one goroutine at a time, since values may be filled in while a decision reads it.
type Context struct {
	// Time gives aws:CurrentTime and aws:EpochTime where they are not set; zero leaves them absent.
	Time time.Time
	// Filler may be nil.
	Filler Filler

	// A usual request fits without further allocations: sixteen numbered keys, four others.
	slots  [maxKeys]uint8 // by Key: 0 not set, 255 asked for and absent, else 1 + place in values
	first  [16]value
	used   uint8
	spill  []value // beyond first
	tags   [4]other
	tagged uint8
	others []other // beyond tags
	lists  [][]string
}

const absent = 255

// value is what one key holds: a text, or a place in Context.lists. A list of one is still a set.
type value struct {
	text string
	list int32 // 0 for a text, absentList for a key that was asked for and is not there, else 1 + place
}

const absentList = -1

func (v *value) many() bool { return v.list > 0 }

// other is a key without a number.
type other struct {
	hash uint64
	name string
	value
}

// all gives the values whichever way they are held; room avoids an allocation.
func (c *Context) all(v *value, room *[1]string) []string {
	if v.many() {
		return c.lists[v.list-1]
	}
	room[0] = v.text
	return room[:]
}

func (c *Context) listed(list []string) value {
	c.lists = append(c.lists, list)
	return value{list: int32(len(c.lists))}
}

// Set gives a key of the table its single value.
func (c *Context) Set(k Key, text string) { c.put(k, value{text: text}) }

// SetMany gives a key of the table a set of values; an empty set is an absent key. The list is kept,
// not copied.
func (c *Context) SetMany(k Key, list []string) { c.put(k, c.listed(list)) }

// SetBool is Set for a truth value.
func (c *Context) SetBool(k Key, b bool) { c.put(k, value{text: strconv.FormatBool(b)}) }

// SetNamed is Set by name, in any case, and works for every key.
func (c *Context) SetNamed(name, text string) { c.putNamed(name, value{text: text}) }

// SetNamedMany is SetMany by name, in any case, and works for every key.
func (c *Context) SetNamedMany(name string, list []string) {
	c.putNamed(name, c.listed(list))
}

// Get gives a key's values as a decision would see them.
func (c *Context) Get(name string) (values []string, present bool) {
	k := nameKey(name)
	v := c.find(&k)
	if v == nil {
		return nil, false
	}
	return c.all(v, new([1]string)), true
}

func (c *Context) put(k Key, v value) {
	if k == 0 || int(k) >= len(keyRows) {
		return
	}
	if at := c.slots[k]; at != 0 && at != absent {
		*c.slot(at) = v
		return
	}
	if int(c.used) < len(c.first) {
		c.first[c.used] = v
	} else {
		c.spill = append(c.spill, v)
	}
	c.used++ // at most maxKeys, which is under absent
	c.slots[k] = c.used
}

func (c *Context) slot(at uint8) *value {
	if int(at) <= len(c.first) {
		return &c.first[at-1]
	}
	return &c.spill[int(at)-1-len(c.first)]
}

func (c *Context) putNamed(name string, v value) {
	k := nameKey(name)
	if k.number != 0 {
		c.put(k.number, v)
		return
	}
	c.putOther(&k, v)
}

func (c *Context) putOther(k *keyName, v value) {
	if o := c.other(k); o != nil {
		o.value = v
		return
	}
	o := other{k.hash, k.text, v}
	if int(c.tagged) < len(c.tags) {
		c.tags[c.tagged] = o
		c.tagged++
		return
	}
	c.others = append(c.others, o)
}

func (c *Context) other(k *keyName) *other {
	for _, list := range [2][]other{c.tags[:c.tagged], c.others} {
		for i := range list {
			if list[i].hash == k.hash && foldEqual(list[i].name, k.text) {
				return &list[i]
			}
		}
	}
	return nil
}

// find gives the value of a key, nil when it is absent. A set without members is absent.
func (c *Context) find(k *keyName) *value {
	if c == nil {
		return nil
	}
	v := c.lookup(k)
	if v != nil && v.many() && len(c.lists[v.list-1]) == 0 {
		return nil
	}
	return v
}

func (c *Context) lookup(k *keyName) *value {
	if k.number == 0 {
		return c.lookupOther(k)
	}
	if c.slots[k.number] == 0 {
		c.slots[k.number] = absent // before asking, so that a Filler that looks does not ask again
		c.fill(k)
	}
	if at := c.slots[k.number]; at != absent {
		return c.slot(at)
	}
	return nil
}

func (c *Context) lookupOther(k *keyName) *value {
	o := c.other(k)
	if o == nil && c.Filler != nil {
		c.putOther(k, value{list: absentList})
		c.fill(k)
		o = c.other(k)
	}
	if o == nil || o.list == absentList {
		return nil
	}
	return &o.value
}

func (c *Context) fill(k *keyName) {
	switch {
	case k.number == CurrentTime && !c.Time.IsZero():
		c.Set(CurrentTime, c.Time.UTC().Format(time.RFC3339))
	case k.number == EpochTime && !c.Time.IsZero():
		c.Set(EpochTime, strconv.FormatInt(c.Time.Unix(), 10))
	case c.Filler != nil:
		c.Filler.Fill(c, k.number, k.text)
	}
}
