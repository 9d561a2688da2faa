// Package policy decides whether a request is allowed, by AWS's policy language and evaluation order,
// and says why.
//
// It promises that Decide and Explain give the same answer for the same arguments, that a Document is
// immutable once parsed and safe to share, and that no text, however hostile, makes it panic or take
// more than time proportional to its length. It is pure: no clock, no I/O, no memory of earlier
// requests. It must not know services, protocols or where policies are stored: every fact (the
// policies that apply, the principal, the values of condition keys) is an argument.
package policy
