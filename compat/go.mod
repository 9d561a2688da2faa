module cloister/compat

go 1.26.0
