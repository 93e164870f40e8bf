# The two commands: make run, make test. The others are parts of them, or for those who work on the project.

SHELL := /bin/bash
CACHE := $(or $(DMG_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dmgateway)
VERSION := $(shell packaging/version.sh 2>/dev/null || echo 0.0.0-dev)
COMMIT := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
STAMP := -X dmgateway/engine.version=$(VERSION) -X dmgateway/engine.commit=$(COMMIT)
# GLES through libGL looks the same as OpenGL and saves three minutes of the first build.
TAGS := gles
DISPLAYED := $(or $(DISPLAY),$(WAYLAND_DISPLAY))

.PHONY: run test build check cross unit race bench fuzz fuzz-short vuln notices clean setup

## run: set up, build, and open the program; without a display, run the same story in the terminal
ifeq ($(strip $(DISPLAYED)),)
run: bin/dmgcmd
	@echo "There is no display here (DISPLAY is not set), so this runs the demonstration in the terminal." >&2
	@echo "With a display the same command opens the window; a server without one uses: bin/dmgcmd run" >&2
	bin/dmgcmd demo
else
run: bin/dmgateway bin/dmgcmd
	bin/dmgateway
endif

build: bin/dmgateway bin/dmgcmd

.PHONY: bin/dmgateway bin/dmgcmd
bin/dmgateway:
	@packaging/setup.sh run
	go build -tags $(TAGS) -ldflags '$(STAMP)' -o $@ ./app

bin/dmgcmd:
	CGO_ENABLED=0 go build -ldflags '$(STAMP)' -o $@ ./app/dmgcmd

setup:
	@packaging/setup.sh test

## test: set up, then everything that CI checks
test: setup check vuln cross race fuzz-short
	@echo "all tests passed"

## check: format, vet, lint, generated files
check: setup
	@out=$$($(CACHE)/bin/gofumpt -l app assets engine packaging); [ -z "$$out" ] || { echo "gofumpt would change:"; echo "$$out"; exit 1; }
	go vet -tags $(TAGS) ./...
	$(CACHE)/bin/golangci-lint run --build-tags $(TAGS) ./...
	go run ./packaging/notices -check

## cross: the parts without cgo build for every system
cross:
	@for t in windows/amd64 darwin/arm64 linux/arm64; do \
		echo "build $$t"; \
		CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} go build -o /dev/null ./app/dmgcmd && \
		CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} go vet ./engine/... ./app/dmgcmd || exit 1; \
	done

## unit: the tests without the race detector, quicker
unit:
	go test -tags $(TAGS) ./...

## race: every test with the race detector
race:
	go test -tags $(TAGS) -race -timeout 20m ./...

## vuln: what Go's vulnerability database knows of the libraries in use. GOVULNDB names a copy of it (https://… or file://…);
## else it is https://vuln.go.dev, or, where that cannot be reached, what `make vulndb` made. With none it is said that none was asked
vuln: setup
	@db="$$GOVULNDB"; copy=$(CACHE)/vulndb; \
	if [ -z "$$db" ] && ! curl -fsS -m 20 -o /dev/null https://vuln.go.dev/index/db.json 2>/dev/null; then \
		if [ ! -f "$$copy/index/db.json" ]; then \
			echo "vuln: SKIPPED: https://vuln.go.dev cannot be reached from here; set GOVULNDB to a copy of the database, or make one: make vulndb VULNDB=CLONE" >&2; exit 0; fi; \
		db="file://$$copy"; echo "vuln: https://vuln.go.dev cannot be reached from here; asked is the copy $$copy $$(cat "$$copy/index/db.json")" >&2; \
	fi; \
	$(CACHE)/bin/govulncheck $${db:+-db "$$db"} -tags $(TAGS) ./...

## vulndb: a copy of that database for this project's modules, from a clone of https://github.com/golang/vulndb at VULNDB
.PHONY: vulndb
vulndb:
	@[ -n "$(VULNDB)" ] || { echo "vulndb: VULNDB names no clone of https://github.com/golang/vulndb" >&2; exit 1; }
	go run ./packaging/vulndb -from "$(VULNDB)/data/osv" -as-of "$$(git -C "$(VULNDB)" log -1 --format=%cI)" -out $(CACHE)/vulndb

# What strangers can send: keys, signed messages, JSON, AMQP, envelopes, HTTP.
STRANGERS := registration:FuzzParseKey protocol:FuzzOpen activity:FuzzParse bus/amqp:FuzzMessage credential:FuzzOpen factory:FuzzHTTP endpoint/definition:FuzzDefinition update/feed:FuzzCustom

## fuzz-short: the targets of what strangers can send, a minute in all
fuzz-short:
	@for t in $(STRANGERS); do echo "fuzz engine/$$t"; go test -run '^$$' -fuzz "^$${t#*:}\$$" -fuzztime 9s ./engine/$${t%:*} || exit 1; done

## bench: Go benchmarks of the hot paths, then whole copies beside the tools that people use for them
bench:
	@packaging/setup.sh bench
	packaging/bench.sh

## fuzz: every fuzz target for FUZZTIME (default 1m) each
FUZZTIME ?= 1m
fuzz:
	@go list ./engine/... | while read -r p; do \
		for f in $$(go test -list '^Fuzz' $$p | grep ^Fuzz); do \
			echo "fuzz $$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

## notices: write the third-party notices anew
notices:
	go run ./packaging/notices

## package: what people install, into dist/: archives, Linux packages, macOS layout, container, SBOM, checksums. The version
## is the tag's, or VERSION=1.2.3; SIGN_KEY signs, FEED_ROOT is the update feed's root that is trusted, DIRTY=1 tries things out
.PHONY: package reproducible container prove-linux prove-container
package:
	@packaging/setup.sh package
	go run ./packaging/release -version '$(VERSION)' -out dist $(if $(DIRTY),-dirty)

## reproducible: builds the last commit twice, in different folders and from different caches, and compares every byte
reproducible:
	@packaging/setup.sh package
	packaging/reproducible.sh

## container: the images of gateway and factory, with podman, docker or buildah, from what `make package` has made
container:
	packaging/container/build.sh

## prove-linux: installs, starts, upgrades, removes and purges the Debian package in a clean system, and looks at the others
prove-linux:
	@packaging/setup.sh prove
	packaging/linux/prove.sh

## prove-container: runs factory and gateway from the images, read-only and not as root
prove-container:
	@packaging/setup.sh prove
	packaging/container/prove.sh

## release-feed: put the archives in dist/ into a signed feed of updates, for ROLLOUT percent of all; packaging/feed/README.md
.PHONY: release-feed
FEED_KEYS ?= $(HOME)/dmgateway-feed-keys
FEED_OUT ?= $(HOME)/dmgateway-feed
release-feed:
	go run ./packaging/feed release -keys "$(FEED_KEYS)" -out "$(FEED_OUT)" -dist dist -channel "$(or $(CHANNEL),stable)" -rollout "$(or $(ROLLOUT),-1)" \
		$(if $(NOTES),-notes "$(NOTES)") $(if $(FEED_PASS),-passphrase-file "$(FEED_PASS)")

## soak: the desktop program at work for SOAK (default 30m); fails where memory grows or the window costs too much. The
## measurements are in dist/soak.csv
SOAK ?= 30m
.PHONY: soak
soak: setup
	@mkdir -p dist
	SOAK=$(SOAK) SOAK_OUT=$(CURDIR)/dist/soak.csv go test -tags $(TAGS) -count=1 -v -timeout 0 -run '^TestSoak$$' ./app/e2e

clean:
	rm -rf bin dist

.PHONY: windows msi
## windows: dmgateway.exe and dmgcmd.exe into dist/windows
windows:
	@packaging/setup.sh windows
	VERSION='$(VERSION)' COMMIT='$(COMMIT)' packaging/windows/build.sh

## msi: the installer for Windows, of what `make windows` makes
msi: windows
	VERSION='$(VERSION)' packaging/windows/msi.sh

## prove-windows: installs, uses, upgrades, repairs and removes the installers under Wine
.PHONY: prove-windows test-windows
prove-windows: windows
	packaging/windows/prove.sh

## test-windows: the engine's tests that touch Windows, under Wine
test-windows:
	@packaging/setup.sh windows
	packaging/windows/test.sh
