# `make help` lists the targets.

GO           ?= go
LINT_VERSION := v2.15.0
PYTHON       ?= python3
VENV         := $(CURDIR)/pybind/.venv
LINT         := $(CURDIR)/.tools/golangci-lint-$(LINT_VERSION)/golangci-lint

# Packages with goroutines of their own, or whose readers run beside a writer.
CONCURRENT := ./actors/... ./engine/... ./session/... ./driver/... ./collection/... ./levels/... ./memtable/... ./bplustree/... ./page/... ./sstable/... ./iterator/... ./vfs/... ./cmd/... ./tests/model/... ./tests/isolation/... ./tests/simulation/... ./mvcc/... ./treap/... ./metrics/... ./wire/...

FUZZTIME     ?= 30s
BENCH        ?= .
BENCHTIME    ?= 1s
BENCH_FLAGS  ?=
NIGHTLY_OPS  ?= 200000000
NIGHTLY_KEYS ?= 5000000

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: bin/middb ## compile everything, and the program to bin/middb
	$(GO) build ./...
	cd bench && $(GO) build ./...

# Always asked for: the go command knows by itself what has changed.
.PHONY: bin/middb
bin/middb:
	$(GO) build -o bin/ ./cmd/...

# Race tests are short ones: the sweeps under tests/ run in the second pass, at full speed. Seeds
# are fixed; a failure prints its own, and MIDDB_SEED=n runs that one again. The tests of the wire
# measure how long clients wait, and have the machine for themselves.
.PHONY: test
test: test-go test-python ## vet and all tests, those of concurrent packages under the race detector too

.PHONY: test-go
test-go: ## the part of test that is Go
	$(GO) vet ./...
	cd bench && $(GO) vet ./... && $(GO) test -timeout 3m ./...
	$(GO) test -race -short -timeout 5m $(CONCURRENT)
	$(GO) test -count=1 -timeout 8m $$($(GO) list ./... | grep -v '/tests/wire$$')
	$(GO) test -count=1 -timeout 5m ./tests/wire

# The suite talks to the real program, which it finds by MIDDB_BINARY.
.PHONY: test-python
test-python: bin/middb $(VENV)/made ## the part of test that is Python: types, style, suite
	cd pybind && $(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy
	cd pybind && MIDDB_BINARY=$(CURDIR)/bin/middb $(VENV)/bin/python -m pytest -q

$(VENV)/made: pybind/dev-requirements.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r pybind/dev-requirements.txt
	touch $@

.PHONY: wheel
wheel: $(VENV)/made ## a Python wheel for this platform with the program in it, in pybind/dist
	cd pybind && MIDDB_BUNDLE=1 $(VENV)/bin/python -m build --wheel --no-isolation

.PHONY: race
race: ## every test under the race detector, nothing shortened
	$(GO) test -race -count=1 -timeout 60m ./...

.PHONY: lint
lint: $(LINT) ## golangci-lint over both modules
	$(LINT) run ./...
	cd bench && $(LINT) run --config ../.golangci.yml ./...

.PHONY: fmt
fmt: $(LINT) ## format as lint wants it
	$(LINT) fmt ./...

# Built from source by the ordinary Go client: the build cache makes every time but the first quick.
$(LINT):
	GOBIN=$(dir $(LINT)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

# The go command fuzzes one target at a time.
.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (30s)
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

.PHONY: bench
bench: ## Go benchmarks (BENCH=regexp), then the comparison with other engines (BENCH_FLAGS)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem ./...
	cd bench && $(GO) run . $(BENCH_FLAGS)

.PHONY: nightly
nightly: ## hours: long model, crash and fault sweeps from a new seed, fuzzing, everything under race
	MIDDB_BASE_SEED=$${MIDDB_BASE_SEED:-$$(date +%s)} MIDDB_MODEL_OPS=$(NIGHTLY_OPS) \
		MIDDB_SCALE_KEYS=$(NIGHTLY_KEYS) MIDDB_NIGHTLY=1 \
		$(GO) test -count=1 -timeout 12h -v ./tests/...
	$(MAKE) race
	$(MAKE) fuzz FUZZTIME=10m

.PHONY: cover
cover: ## statement coverage of the packages by all tests, in cover.out
	$(GO) test -count=1 -timeout 20m -coverpkg=./... -coverprofile=cover.out ./...
	$(GO) tool cover -func=cover.out | tail -n 1
