# make demo | test | check | bench: each installs what is missing, says so, and builds first.
SHELL := /bin/bash
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BIN := bin/cloister
# Packages of Debian and Ubuntu, each for the command it brings.
RUN_PACKAGES := runc awscli
TEST_PACKAGES := $(RUN_PACKAGES) bind9-dnsutils openssl skopeo
BENCH_PACKAGES := nginx-light wrk python3-sklearn
# One way to compile for what is built and what is tested: everything is compiled once, wherever the clone lies.
export GOFLAGS := -mod=readonly -trimpath
export CGO_ENABLED := 0

.PHONY: all build demo test check bench fuzz install-% clean coverage

all: build

build: ## the one binary, static, so that it can be the inside of its own images
	go build -ldflags="-s -w" -o $(BIN) ./cmd/cloister
	go build -o bin/digits ./demo/cmd/digits

# need PACKAGES: installs what dpkg does not know yet.
define need
	@missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "Installing:$$missing"; $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null || exit 1; fi
endef

install-run: ; $(call need,$(RUN_PACKAGES))
install-test: ; $(call need,$(TEST_PACKAGES) $(shell python3 -c 'import boto3' 2>/dev/null || echo python3-boto3))
install-bench:
	@dpkg-query -W nginx-light >/dev/null 2>&1 || touch .nginx-is-new
	$(call need,$(BENCH_PACKAGES))
	@if [ -e .nginx-is-new ]; then rm .nginx-is-new; $(SUDO) service nginx stop 2>/dev/null || true; fi # the package starts one; we run our own

demo: install-run build ## the private path end to end, every step asserted
	$(SUDO) demo/demo.sh

AS_ROOT = $(SUDO) env "PATH=$$PATH" "HOME=$$HOME" "GOFLAGS=$$GOFLAGS" "CGO_ENABLED=$$CGO_ENABLED"
KERNEL := ./internal/machine/fabric/linux

# All three wait a good deal, so they run beside each other; what the first two say comes last.
test: install-test build ## the whole suite: engines, machines in the kernel, services, the daemon with real clients
	@logs=$$(mktemp -d); failed=0; \
	$(AS_ROOT) go test -count=1 -timeout 20m $(KERNEL) >$$logs/kernel 2>&1 & kernel=$$!; \
	$(AS_ROOT) go test -count=1 -timeout 20m $$(go list ./... | grep -v fabric/linux) >$$logs/packages 2>&1 & packages=$$!; \
	$(AS_ROOT) compat/run.sh || failed=1; \
	wait $$packages || failed=1; wait $$kernel || failed=1; \
	grep -v 'no test files' $$logs/packages; cat $$logs/kernel; rm -rf $$logs; exit $$failed

check: ## what needs neither root nor a network
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go -C compat vet ./...
	go test -count=1 ./internal/value/... ./internal/engine/... ./internal/frame/... .
	@go test -count=1 -cover ./internal/engine/policy | tee /dev/stderr | grep -q 'coverage: 100.0%' || { echo "every statement of the policy engine is tested, or is not there" >&2; exit 1; }
	$(MAKE) coverage && git diff --exit-code docs/coverage.md

coverage: build ## docs/coverage.md from the operations that are defined
	@{ cat docs/coverage.head.md; $(BIN) operations --markdown; } > docs/coverage.md

bench: install-bench build ## figures as ratios against a peer run side by side: docs/performance.md
	$(AS_ROOT) bench/run.sh

FUZZ_TIME := 150s
fuzz: ## the policy engine's parser, and its decisions against a plain evaluator: docs/fuzzing.md
	@for f in $$(go test -list 'Fuzz.*' ./internal/engine/policy | grep Fuzz); do go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZ_TIME) ./internal/engine/policy || exit 1; done

clean:
	rm -rf bin .cloister
