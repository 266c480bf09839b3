# Every step of CI is one target of this file. `make` alone lists them.

KERNEL ?= 6.1
FUZZTIME ?= 10s
BENCHTIME ?= 1x
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

GO    := go
TOOL  := $(GO) tool -modfile=internal/tools/go.mod
CLANG_FORMAT ?= clang-format-14
BPF   := $(wildcard plugins/bpf/*.h plugins/*/*.bpf.c plugins/*/*.h)
MAINS := datakit $(patsubst %,externals/%,$(notdir $(wildcard externals/*)))
BUILD := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

# What `make gen` writes, to compare before and after.
generated = find . -path ./.git -prune -o \( -name '*_bpfel.*' -o -name '*.pb.go' -o -name '*.conf.sample' \
	-o -path './docs/reference.md' -o -path './docs/filter.md' -o -path './docs/deps/*' \) -type f -print | LC_ALL=C sort | xargs sha256sum

# Kernel tests: what runs in the guests of test-vm.
KERNEL_TESTS ?= ./test/vm ./internal/bpf/... ./plugins/ebpfnet/... ./netlog/socketfilter ./netlog/capture ./netlog/nic

.DEFAULT_GOAL := help
.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/datakit and bin/externals/*
	@mkdir -p bin/externals
	@for main in $(MAINS); do $(BUILD) -o bin/$${main#datakit/} ./$$main || exit 1; done

.PHONY: run
run: build ## watch this machine's TCP connections, with a home of its own in .home
	@packaging/run.sh .home

.PHONY: test
test: ## unit tests; with root the kernel tests too
	$(GO) test -timeout 10m ./...
	$(GO) test -count=1 ./test

.PHONY: test-race
test-race: ## the same with the race detector (needs gcc)
	CGO_ENABLED=1 $(GO) test -race -timeout 20m ./...

.PHONY: test-vm
test-vm: ## kernel tests on a stock kernel: make test-vm KERNEL=5.10|6.1|6.12|7.x
	test/vm/test.sh $(KERNEL) $(KERNEL_TESTS)

.PHONY: test-vm-systemd
test-vm-systemd: build ## the service under systemd with cgroup v2 limits, on a stock kernel
	test/vm/systemd.sh $(KERNEL)

.PHONY: e2e
e2e: build ## the binaries against real backends, with faults
	$(GO) test -count=1 -timeout 20m -p 1 -tags e2e ./test/e2e/... ./plugins/container ./netlog

.PHONY: prove
prove: build ## the full figures: long runs, many kills, peers side by side
	$(GO) test -count=1 -timeout 3h -v -tags 'e2e prove' ./...

.PHONY: bench
bench: ## every benchmark (BENCHTIME=1x)
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -timeout 20m ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (10s, or a count: 1000x)
	@grep -rn --include='*_test.go' -oE '^func Fuzz[A-Za-z0-9_]+' . | sort | while IFS=: read -r file _ target; do \
		target=$${target#func }; \
		echo "$$(dirname $$file) $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$(dirname $$file)" < /dev/null || exit 1; \
	done

.PHONY: gen
gen: ## write again what is generated: kernel objects, protobuf, samples, reference
	$(GO) generate ./...
	$(GO) run ./internal/gen
	@mkdir -p docs/deps
	$(GO) test -count=1 ./test -run TestDependencies -update

.PHONY: fmt
fmt: ## format Go and C
	gofmt -w $$($(GO) list -f '{{.Dir}}' ./...)
	$(if $(BPF),$(CLANG_FORMAT) -i $(BPF))

.PHONY: check check-format check-vet check-lint check-rules check-gen
check: check-format check-vet check-lint check-rules check-gen ## all that needs no running: format, vet, lint, layers, generated files

check-format:
	@test -z "$$(gofmt -l $$($(GO) list -f '{{.Dir}}' ./...) | tee /dev/stderr)" || { echo 'not formatted: make fmt'; exit 1; }
	@$(if $(BPF),$(CLANG_FORMAT) --dry-run -Werror $(BPF))

check-vet:
	$(GO) vet ./...
	$(GO) vet -tags 'e2e prove' ./...
	GOARCH=arm64 $(GO) build ./...

check-lint:
	$(TOOL) staticcheck ./...

check-rules:
	$(GO) test -count=1 ./test

check-gen:
	@before=$$($(generated)); $(MAKE) --no-print-directory gen && after=$$($(generated)); \
	if [ "$$before" != "$$after" ]; then \
		printf '%s\n' "$$before" > .gen-before; printf '%s\n' "$$after" | diff .gen-before - | sed -n 's/^[<>] [0-9a-f]* /differs: /p' | sort -u; \
		rm -f .gen-before; echo 'generated files were out of date: commit them'; exit 1; \
	fi

.PHONY: clean
clean: ## remove what was built and the home of make run; kernels in .vm stay
	rm -rf bin .home
