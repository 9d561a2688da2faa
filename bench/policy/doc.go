// Package policy holds the benchmark that decides the same questions by Cloister's policy engine and by
// cedar-go, side by side. It is a module of its own, so that Cloister does not depend on cedar-go.
package policy
