module cloister/compat/snapshots

go 1.26.0

require cloister v0.0.0

require (
	github.com/dlclark/regexp2 v1.12.0 // indirect
	github.com/google/go-cmp v0.7.0
)

replace cloister => ../..
