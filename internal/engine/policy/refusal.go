package policy

import (
	"errors"
	"fmt"
	"strings"
)

// Defect is the class of what is wrong with a document's text; AWS words the same defect differently
// for each kind of policy.
type Defect uint8

const (
	NotJSON Defect = iota + 1
	BadGrammar
	BadVersion
	NoStatement
	EmptyStatement
	NoEffect
	BadEffect
	PrincipalNotObject
	EmptyPrincipal
)

// SyntaxError is why a text is no policy, and where.
type SyntaxError struct {
	Position
	Defect  Defect
	Message string
	value   string // the offending value, where a sentence quotes it
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// Malformed is why a well-formed document may not be saved as a policy of some kind, and where; its text
// is AWS's sentence.
type Malformed struct {
	Position
	Message string
	// Element is the place by names, as Statement[1].Action[0]; empty for the document itself.
	Element string

	statement int      // from 1; 0 for the document itself
	path      []string // of element names, from the statement or the document
	at        int      // which of the element's values
}

func (e *Malformed) Error() string { return e.Message }

func malformed(format string, args ...any) *Malformed {
	return &Malformed{Message: fmt.Sprintf(format, args...)}
}

func (e *Malformed) in(path ...string) *Malformed { e.path = path; return e }
func (e *Malformed) item(i int) *Malformed        { e.at = i; return e }
func (e *Malformed) of(s *statement) *Malformed   { e.statement = s.number; return e }

// Where tells the place in a document that an error of Parse or Check is about.
func Where(err error) (p Position, ok bool) {
	var syntax *SyntaxError
	var m *Malformed
	switch {
	case errors.As(err, &syntax):
		return syntax.Position, true
	case errors.As(err, &m):
		return m.Position, true
	}
	return p, false
}

// Told is Refusal with the place after AWS's sentence, unless that has it already.
func Told(kind Kind, err error) string {
	told := Refusal(kind, err)
	if p, ok := Where(err); ok && !strings.Contains(told, " at position (") {
		return fmt.Sprintf("%s (line %d, column %d)", told, p.Line, p.Column)
	}
	return told
}

// Refusal is the sentence AWS sends for an error of Parse or Check when a policy of this kind is
// saved.
func Refusal(kind Kind, err error) string {
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		return err.Error()
	}
	switch kind {
	case Trust:
		return trustRefusal(syntax)
	case Resource:
		return resourceRefusal(syntax)
	case Endpoint:
		return fmt.Sprintf("The Policy Document is not valid. Syntax error at position (%d,%d)", syntax.Line, syntax.Column)
	}
	if syntax.Defect == BadEffect {
		return legacyParsing
	}
	return "Syntax errors in policy."
}

const legacyParsing = "The policy failed legacy parsing"

func trustRefusal(e *SyntaxError) string {
	switch e.Defect {
	case NotJSON:
		return "This policy contains invalid Json"
	case BadVersion:
		return "The policy must contain a valid version string"
	case NoStatement, EmptyStatement:
		return "Could not parse the policy: Statement is empty!"
	case NoEffect:
		return "Missing required field Effect"
	case BadEffect:
		return "Invalid effect: " + e.value
	case PrincipalNotObject:
		return "Principal must be a JSON object."
	case EmptyPrincipal:
		return "Missing required field Principal cannot be empty!"
	}
	return "Syntax error in policy."
}

func resourceRefusal(e *SyntaxError) string {
	switch e.Defect {
	case NotJSON:
		return "Policies must be valid JSON and the first byte must be '{'"
	case BadVersion:
		return "The policy must contain a valid version string"
	case NoStatement:
		return "Missing required field Statement"
	case EmptyStatement:
		return "Could not parse the policy: Statement is empty!"
	case NoEffect:
		return "Missing required field Effect"
	case BadEffect:
		return "Invalid effect: " + e.value
	case PrincipalNotObject, EmptyPrincipal:
		return "Invalid policy syntax."
	}
	return "Policy has invalid syntax: " + e.Message
}
