// Package compat is the exam: real clients against the real daemon. The AWS CLI, boto3, Terraform, dig
// and openssl meet `cloister serve` where a customer's would, by real packets, names and certificates.
//
// It promises to leave nothing of the kernel's behind, and checks that purge does. It must not know
// Cloister's code: the binary's command line and the services' answers are all it goes by.
package compat
