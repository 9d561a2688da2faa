package policy

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func refLower(ctx refContext) refContext {
	out := refContext{}
	for k, v := range ctx {
		if s, ok := v.(string); ok {
			v = strings.ToLower(s)
		}
		out[k] = v
	}
	return out
}

func refARN(w, v string, vars bool, ctx refContext) bool {
	if vars { // a value may hold colons: put a stand-in for its wildcards before cutting
		missing := false
		w = refVariable.ReplaceAllStringFunc(w, func(s string) string {
			m := refVariable.FindStringSubmatch(s)
			value, ok := ctx[strings.ToLower(m[1])].(string)
			switch {
			case m[1] == "*" || m[1] == "?" || m[1] == "$":
				value = m[1]
			case !ok && m[2] != "":
				value = m[3]
			case !ok:
				missing = true
			}
			return strings.NewReplacer("*", "\x01", "?", "\x02").Replace(value)
		})
		if missing {
			return false
		}
		v = strings.NewReplacer("*", "\x01", "?", "\x02").Replace(v)
	}
	if w != "" && strings.Trim(w, "*") == "" {
		return true
	}
	want, have := strings.SplitN(w, ":", 6), strings.SplitN(v, ":", 6)
	if len(want) < 6 {
		return false
	}
	for i := range want {
		if !refMatch(want[i], have[i], true, false, nil) {
			return false
		}
	}
	return true
}

func refNumber(s string) (*big.Rat, bool) {
	if !regexp.MustCompile(`^[+-]?(\d+(\.\d+)?|\.\d+)$`).MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func refDate(s string) (time.Time, bool) {
	if regexp.MustCompile(`^\d+$`).MatchString(s) && len(s) != 4 && len(s) <= 13 {
		n, _ := strconv.ParseInt(s, 10, 64)
		if len(s) == 13 {
			return time.UnixMilli(n), true
		}
		return time.Unix(n, 0), true
	}
	for _, layout := range []string{"2006", "2006-01", "2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func refRelation(name string, n int) bool {
	switch name {
	case "equals":
		return n == 0
	case "lessthan":
		return n < 0
	case "lessthanequals":
		return n <= 0
	case "greaterthan":
		return n > 0
	}
	return n >= 0
}
