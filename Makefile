# All tasks of developers and CI. "make" lists them.

GO       ?= go
# grpcnotrace: without this tag, gRPC (part of the exporter of traces) disables dead code
# elimination, which adds 14 MB.
TAGS     := nomsgpack,grpcnotrace
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
LINT     := $(GO) tool -modfile=tools/golangci-lint.mod golangci-lint
FUZZTIME ?= 30s
PREFIX   ?= /usr/local
TESTSUM  := $(GO) tool -modfile=tools/gotestsum.mod gotestsum
# Runs of each microbenchmark: benchstat gives an interval from 6 on.
COUNT     ?= 6
BENCHTIME ?= 0.5s
BENCHSTAT := $(GO) tool -modfile=tools/benchstat.mod benchstat

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: build
build: ## build a static binary in bin/
	@echo 'compiling bin/latchkey; the first time takes minutes'
	@CGO_ENABLED=0 $(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o bin/latchkey ./cmd/latchkey

.PHONY: install
install: build ## install the command in PREFIX/bin (default /usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 bin/latchkey $(DESTDIR)$(PREFIX)/bin/latchkey

.PHONY: run
run: ## run the service, embedded, on 127.0.0.1:8080
	@echo 'compiling; the first time takes minutes'
	@CGO_ENABLED=0 $(GO) run -tags $(TAGS) ./cmd/latchkey serve

.PHONY: servers
servers: ## install the servers that the tests need
	@.ci/servers

# The race detector, except in code that only computes: the C code of SQLite, which is translated
# to Go, the cipher of bcrypt, and JSON Schema, with which the tests check each answer. Instrumented,
# they take a quarter of the time of the tests.
# Without -w, each of the test programs takes another second to link.
COMPUTES := -race=false -d=checkptr=0
RACE := -race -gcflags='modernc.org/sqlite/lib=$(COMPUTES)' -gcflags='golang.org/x/crypto/blowfish=$(COMPUTES)' \
  -gcflags='github.com/santhosh-tekuri/jsonschema/v6=$(COMPUTES)' -ldflags=-w

# They start first, so that none of them runs alone at the end.
LONG_TESTS := ./web/test/browser ./controller ./repository/redis ./cmd/latchkey ./service/session ./internal/storetest ./repository

.PHONY: test
test: servers ## run every test, with the race detector, on both sets of stores
	@mkdir -p bin
	$(GO) -C deploy/check test -count=1 ./... # it reads files that the cache does not know
	$(TESTSUM) --format pkgname-and-test-fails --jsonfile bin/test.json -- $(RACE) -p 3 -tags $(TAGS) -timeout 10m $(LONG_TESTS) ./...
	@printf 'tests on SQLite: %s, on Postgres + Redis: %s\n' \
	  "$$(grep -c '"Action":"pass".*"Test":"[^"]*/SQLite/' bin/test.json)" \
	  "$$(grep -c '"Action":"pass".*"Test":"[^"]*/PostgresRedis/' bin/test.json)"
	@grep -hoE '[0-9]+ (tabs x|requests and [0-9]+ answers)[^"\\]*|forms of another site[^"\\]*' bin/test.json || true

# A quick check. With LATCHKEY_TEST_QUICK, internal/testserver skips the tests that start servers.
QUICK_LEFT_OUT := /(web/test/browser|bench(/.*)?|tools(/.*)?)$$

.PHONY: test-quick
test-quick: ## run the tests that need only SQLite, without the race detector
	@begin=$$(date +%s); LATCHKEY_TEST_QUICK=1 $(GO) test -short -tags $(TAGS) -timeout 5m \
	  $$($(GO) list -tags $(TAGS) ./... | grep -vE '$(QUICK_LEFT_OUT)') || exit 1; \
	  echo "the quick tests took $$(($$(date +%s) - begin)) s"

.PHONY: e2e
e2e: build web/test/e2e/node_modules/.package-lock.json ## run npm clients and the examples of docs/clients.md against the program (needs Node)
	cd web/test/e2e && LATCHKEY=$(CURDIR)/bin/latchkey node --test --test-reporter=spec

.PHONY: client-copy
client-copy: web/client/node_modules/.package-lock.json
	npm --prefix web/client run --silent build
	cp web/client/dist/index.js web/demo/client.js

.PHONY: client
client: build web/client/node_modules/.package-lock.json ## build and test the browser client (needs Node)
	cmp LICENSE web/client/LICENSE
	@$(MAKE) --no-print-directory client-copy
	cd web/client && node size.mjs && node pack.mjs && LATCHKEY=$(CURDIR)/bin/latchkey npx vitest run

# npm ci installs the lock file as it is, and does not change it.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	npm --prefix $* ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: bench
bench: bench-servers bench-micro ## run all benchmarks on real servers and write docs/benchmarks.md
	$(GO) run -tags $(TAGS) ./bench -docs docs/benchmarks.md $(BENCHFLAGS)

.PHONY: bench-servers
bench-servers:
	@.ci/servers bench

.PHONY: bench-quick
bench-quick: bench-servers ## compare the program with its floor, in 3 minutes
	$(GO) run -tags $(TAGS) ./bench -quick

.PHONY: bench-peers
bench-peers: bench-peers-installed ## measure the program beside other servers and write docs/peers.md (needs Node)
	$(GO) run -tags $(TAGS) ./bench/peers -docs docs/peers.md $(PEERFLAGS)

.PHONY: bench-peers-quick
bench-peers-quick: bench-peers-installed ## the same in short runs, in 6 minutes, without the page
	$(GO) run -tags $(TAGS) ./bench/peers -quick $(PEERFLAGS)

.PHONY: bench-peers-installed
bench-peers-installed:
	@.ci/servers peers
	@$(MAKE) --no-print-directory bench/peers/node/node_modules/.package-lock.json

.PHONY: profile
profile: bench-servers ## profile the hot paths under load and print where the CPU time goes
	@mkdir -p bin
	$(GO) run -tags $(TAGS) ./bench -profile bin/profile.pprof profile
	$(GO) tool pprof -top -nodecount 40 bin/profile.pprof

.PHONY: faults
faults: bench-servers ## inject faults into three replicas and their stores for 20 minutes
	$(GO) run -tags $(TAGS) ./bench/faults $(FAULTFLAGS)

.PHONY: bench-micro
bench-micro: bench-servers ## run the microbenchmarks; with OLD=file, compare with that run
	@mkdir -p bin
	$(GO) test -tags $(TAGS) -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -count $(COUNT) ./service/token ./service/session ./service/login > bin/bench-micro.new
	@$(BENCHSTAT) $(if $(OLD),old=$(OLD) new=)bin/bench-micro.new
	@mv bin/bench-micro.new bin/bench-micro.txt

.PHONY: bench-users
bench-users: servers ## measure the list of users among a million, on both sets of stores, in a minute
	$(GO) test -tags $(TAGS),million -run TestMillion -v ./service/directory

.PHONY: fuzz
fuzz: ## fuzz every parser of untrusted input, FUZZTIME each (default 30s)
	$(GO) test -run '^$$' -fuzz '^FuzzWalk$$' -fuzztime $(FUZZTIME) ./service/jose
	$(GO) test -run '^$$' -fuzz '^FuzzVerifyAccess$$' -fuzztime $(FUZZTIME) ./service/token
	$(GO) test -run '^$$' -fuzz '^FuzzTokensInHeaders$$' -fuzztime $(FUZZTIME) ./middleware/access
	$(GO) test -run '^$$' -fuzz '^FuzzBodies$$' -fuzztime $(FUZZTIME) ./controller
	$(GO) test -run '^$$' -fuzz '^FuzzForms$$' -fuzztime $(FUZZTIME) ./controller
	$(GO) test -run '^$$' -fuzz '^FuzzBasic$$' -fuzztime $(FUZZTIME) ./controller

.PHONY: mutants
mutants: servers ## check that the tests find each known bug
	$(GO) run ./tools/mutants
	$(GO) run ./tools/mutants/noop

# Packages without a limit on files: they have one file for each command, each resource, or
# the same files as the other backends.
MANY_FILES := /(cmd/.*|controller|repository/(postgres|redis|sqlite))$$

.PHONY: knots
knots: ## fail if too many files of a package depend on each other
	$(GO) run ./tools/knots -tags $(TAGS) -max-knot 6 ./service/... ./middleware/... ./config ./internal/...
	$(GO) run ./tools/knots -tags $(TAGS) -max-files 15 $$($(GO) list -tags $(TAGS) ./... | grep -vE '$(MANY_FILES)')

TEXTS := README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs deploy Makefile cmd config controller internal middleware repository service web bench tools .ci

.PHONY: prose
prose: ## fail if a text for users has a construction that costs readers time
	$(GO) run ./tools/prose -all $(TEXTS)

.PHONY: prose-measure
prose-measure: ## count these constructions in all texts and comments
	$(GO) run ./tools/prose -measure .

.PHONY: rename
rename: ## rename the module of a fork: MODULE=example.org/you/latchkey
	@$(GO) run ./tools/rename $(if $(FORCE),-force) -- '$(MODULE)'

.PHONY: lint
lint: govulncheck knots prose ## run the linters, and report known vulnerabilities
	$(LINT) run ./...

.PHONY: govulncheck
govulncheck: ## report known vulnerabilities in the code that the program calls
	@TAGS=$(TAGS) tools/govulncheck

.PHONY: fmt
fmt: ## format everything
	$(LINT) fmt ./...

.PHONY: generate
generate: ## update the generated files (the browser client needs Node)
	$(GO) generate -tags $(TAGS) ./...
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory client-copy; \
	else echo 'left out web/demo/client.js: npm is not installed'; fi

# The state of the tree: the contents of changed files and the names of new files.
STATE = { git status --porcelain; git diff; } | git hash-object --stdin

.PHONY: verify
verify: ## fail if go.mod, a generated file or the formatting would change
	@before=$$($(STATE)); $(MAKE) --no-print-directory generate || exit 1; after=$$($(STATE)); \
	  test "$$before" = "$$after" || { git status --short; echo 'a generated file was out of date: commit what make generate changed'; exit 1; }
	$(GO) mod tidy -diff
	$(GO) -C deploy/check mod tidy -diff
	$(GO) -C middleware/access/testdata/resourceserver mod tidy -diff
	$(LINT) fmt --diff ./...
	@test "$$($(GO) list -m -f '{{.Version}}' modernc.org/libc)" = \
	  "$$($(GO) list -m -f '{{.GoMod}}' modernc.org/sqlite | xargs sed -n 's/.*modernc.org\/libc \(v[^ ]*\).*/\1/p')" \
	  || { echo 'modernc.org/libc is not the version that modernc.org/sqlite was made with'; exit 1; }
