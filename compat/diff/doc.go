// Package diff holds one test for each difference from AWS that docs/differences.md tells of, under the
// number that it has there: a difference that goes away, or grows, fails its test.
//
// All tests share one Cloister, which is new: each makes things of its own names, once, so -count=1 only.
//
// It must not know Cloister's code: it signs its own requests and reads what comes back.
package diff
