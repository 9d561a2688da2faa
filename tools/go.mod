module cloister/tools

go 1.26.0
