package policy

import "strings"

// class is how an operator reads its values.
type class uint8

const (
	stringClass class = iota
	foldClass
	likeClass
	numericClass
	dateClass
	boolClass
	binaryClass
	ipClass
	arnClass
	nullClass
)

// relation is what numeric and date operators ask of the request's value against the policy's.
type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

func (r relation) holds(comparison int) bool {
	switch r {
	case less:
		return comparison < 0
	case lessOrEqual:
		return comparison <= 0
	case greater:
		return comparison > 0
	case greaterOrEqual:
		return comparison >= 0
	}
	return comparison == 0
}

// quantifier is how an operator treats a set of values.
type quantifier uint8

const (
	noQuantifier quantifier = iota
	forAllValues
	forAnyValue
)

// operator is a condition operator with its prefix and suffix taken off.
type operator struct {
	class      class
	relation   relation
	negated    bool
	ifExists   bool
	quantifier quantifier
}

// variables tells whether values of the operator may hold policy variables.
func (o operator) variables() bool {
	switch o.class {
	case stringClass, foldClass, likeClass, boolClass, arnClass:
		return true
	}
	return false
}

var operators = map[string]operator{
	"stringequals":              {class: stringClass},
	"stringnotequals":           {class: stringClass, negated: true},
	"stringequalsignorecase":    {class: foldClass},
	"stringnotequalsignorecase": {class: foldClass, negated: true},
	"stringlike":                {class: likeClass},
	"stringnotlike":             {class: likeClass, negated: true},
	"numericequals":             {class: numericClass},
	"numericnotequals":          {class: numericClass, negated: true},
	"numericlessthan":           {class: numericClass, relation: less},
	"numericlessthanequals":     {class: numericClass, relation: lessOrEqual},
	"numericgreaterthan":        {class: numericClass, relation: greater},
	"numericgreaterthanequals":  {class: numericClass, relation: greaterOrEqual},
	"dateequals":                {class: dateClass},
	"datenotequals":             {class: dateClass, negated: true},
	"datelessthan":              {class: dateClass, relation: less},
	"datelessthanequals":        {class: dateClass, relation: lessOrEqual},
	"dategreaterthan":           {class: dateClass, relation: greater},
	"dategreaterthanequals":     {class: dateClass, relation: greaterOrEqual},
	"bool":                      {class: boolClass},
	"binaryequals":              {class: binaryClass},
	"ipaddress":                 {class: ipClass},
	"notipaddress":              {class: ipClass, negated: true},
	"arnequals":                 {class: arnClass},
	"arnlike":                   {class: arnClass},
	"arnnotequals":              {class: arnClass, negated: true},
	"arnnotlike":                {class: arnClass, negated: true},
	"null":                      {class: nullClass},
}

// parseOperator reads an operator's name, in any case.
func parseOperator(name string) (operator, bool) {
	name = fold(name)
	q := noQuantifier
	if rest, ok := strings.CutPrefix(name, "forallvalues:"); ok {
		name, q = rest, forAllValues
	} else if rest, ok := strings.CutPrefix(name, "foranyvalue:"); ok {
		name, q = rest, forAnyValue
	}
	base, ifExists := strings.CutSuffix(name, "ifexists")
	o, ok := operators[base]
	if !ok || ifExists && o.class == nullClass {
		return operator{}, false
	}
	o.ifExists, o.quantifier = ifExists, q
	return o, true
}
