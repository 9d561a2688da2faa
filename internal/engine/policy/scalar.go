package policy

import (
	"net/netip"
	"strings"
	"time"
)

// decimal is a number as text: comparing digits is exact at any length, and needs no allocation.
type decimal struct {
	negative       bool
	whole, decimal string // without leading and trailing zeros
}

func parseDecimal(s string) (d decimal, ok bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	whole, fraction, point := strings.Cut(s, ".")
	if whole == "" && fraction == "" || point && fraction == "" || !digits(whole) || !digits(fraction) {
		return decimal{}, false
	}
	d.whole = strings.TrimLeft(whole, "0")
	d.decimal = strings.TrimRight(fraction, "0")
	if d.whole == "" && d.decimal == "" {
		d.negative = false
	}
	return d, true
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (d decimal) compare(e decimal) int {
	switch {
	case d.negative != e.negative:
		if d.negative {
			return -1
		}
		return 1
	case d.negative:
		d, e = e, d
	}
	if n := len(d.whole) - len(e.whole); n != 0 {
		return n
	}
	if n := strings.Compare(d.whole, e.whole); n != 0 {
		return n
	}
	return strings.Compare(d.decimal, e.decimal)
}

// instant is a moment in seconds and nanoseconds since 1970.
type instant struct {
	seconds int64
	nanos   int
}

func (t instant) compare(u instant) int {
	switch {
	case t.seconds < u.seconds:
		return -1
	case t.seconds > u.seconds:
		return 1
	}
	return t.nanos - u.nanos
}

// parseInstant reads the W3C's profile of ISO 8601, from "2020" to "2020-01-02T03:04:05.6+07:00", or
// seconds since 1970, or milliseconds where there are thirteen digits. A time without a zone is UTC.
func parseInstant(s string) (instant, bool) {
	if digits(s) && len(s) != 4 {
		return parseEpoch(s)
	}
	date, clock, timed := strings.Cut(s, "T")
	parts := [3]int{0, 1, 1}
	for i, width := range [3]int{4, 2, 2} {
		field, rest, more := strings.Cut(date, "-")
		n, ok := number(field, width)
		if !ok || n == 0 && i > 0 {
			return instant{}, false
		}
		parts[i], date = n, rest
		if !more {
			if timed && i < 2 {
				return instant{}, false
			}
			break
		}
		if i == 2 || rest == "" {
			return instant{}, false
		}
	}
	day := time.Date(parts[0], time.Month(parts[1]), parts[2], 0, 0, 0, 0, time.UTC)
	if int(day.Month()) != parts[1] || day.Day() != parts[2] {
		return instant{}, false
	}
	t := instant{seconds: day.Unix()}
	if !timed {
		return t, true
	}
	seconds, nanos, ok := parseClock(clock)
	t.seconds += int64(seconds)
	t.nanos = nanos
	return t, ok
}

func parseEpoch(s string) (instant, bool) {
	if s == "" || len(s) > 13 {
		return instant{}, false
	}
	var n int64
	for i := 0; i < len(s); i++ {
		n = n*10 + int64(s[i]-'0')
	}
	if len(s) == 13 {
		return instant{n / 1000, int(n%1000) * 1e6}, true
	}
	return instant{seconds: n}, true
}

// parseClock reads hh:mm[:ss[.f]][zone] and gives seconds since midnight UTC.
func parseClock(s string) (seconds, nanos int, ok bool) {
	s, offset, ok := cutZone(s)
	if !ok {
		return 0, 0, false
	}
	s, fraction, point := strings.Cut(s, ".")
	if point {
		if fraction == "" || !digits(fraction) || len(s) != 8 {
			return 0, 0, false
		}
		unit := 100_000_000
		for i := 0; i < len(fraction) && i < 9; i++ {
			nanos += int(fraction[i]-'0') * unit
			unit /= 10
		}
	}
	if len(s) != 5 && len(s) != 8 || s[2] != ':' || len(s) == 8 && s[5] != ':' {
		return 0, 0, false
	}
	hour, ok1 := number(s[:2], 2)
	minute, ok2 := number(s[3:5], 2)
	second, ok3 := 0, true
	if len(s) == 8 {
		second, ok3 = number(s[6:], 2)
	}
	ok = ok1 && ok2 && ok3 && hour < 24 && minute < 60 && second < 60
	return hour*3600 + minute*60 + second - offset, nanos, ok
}

// cutZone takes Z or ±hh:mm off the end.
func cutZone(s string) (rest string, offset int, ok bool) {
	if rest, ok = strings.CutSuffix(s, "Z"); ok {
		return rest, 0, true
	}
	i := strings.LastIndexAny(s, "+-")
	if i < 0 {
		return s, 0, true
	}
	zone := s[i+1:]
	if len(zone) != 5 || zone[2] != ':' {
		return "", 0, false
	}
	hours, ok1 := number(zone[:2], 2)
	minutes, ok2 := number(zone[3:], 2)
	offset = hours*3600 + minutes*60
	if s[i] == '-' {
		offset = -offset
	}
	return s[:i], offset, ok1 && ok2 && hours < 24 && minutes < 60
}

// number reads exactly width digits.
func number(s string, width int) (n int, ok bool) {
	if len(s) != width || !digits(s) {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// parseRange reads a CIDR block or a bare address, which is a block of one.
func parseRange(s string) (netip.Prefix, bool) {
	if strings.IndexByte(s, '/') < 0 {
		a, ok := parseAddress(s)
		return netip.PrefixFrom(a, a.BitLen()), ok
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, true
}

// parseAddress reads an address; an IPv4 one written as IPv6 is the same address.
func parseAddress(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil && a.Zone() == ""
}

func parseBool(s string) (value, ok bool) {
	switch {
	case foldEqual(s, "true"):
		return true, true
	case foldEqual(s, "false"):
		return false, true
	}
	return false, false
}
