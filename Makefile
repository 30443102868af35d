# `make run` and `make test` work on a fresh machine that has Rust.

CARGO_DENY_VERSION := 0.20.2
CARGO_DENY_ROOT := .tools/cargo-deny-$(CARGO_DENY_VERSION)
CARGO_DENY := $(CARGO_DENY_ROOT)/bin/cargo-deny

CARGO_CYCLONEDX_VERSION := 0.5.9
CARGO_CYCLONEDX_ROOT := .tools/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION)
CARGO_CYCLONEDX := $(CARGO_CYCLONEDX_ROOT)/bin/cargo-cyclonedx

.DEFAULT_GOAL := help

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Build and run the service on its embedded store, under data/, with an example merchant
	cargo build --locked --bins --example merchant
	@target/debug/examples/merchant & merchant=$$!; trap 'kill $$merchant 2>/dev/null' EXIT; \
	target/debug/vestibule serve --dev --upstream-url http://127.0.0.1:8081

# Suites in other languages (a browser, an HTTP fuzzer) are started by Rust
# tests as well, since those have the servers to run them against. Tests that
# hold the service to its deadlines run one by one, with the processor to themselves.
TIMED := faults:: hostile::overload:: hostile::made_up::a_clock

.PHONY: test
test: test-tools ## Install what the tests need, run them all
	cargo test --locked -- $(TIMED:%=--skip %)
	cargo test --locked --test it -- $(TIMED) --test-threads 1

# Hours: a hundred kills, fifty stops of the database, a million acknowledgements
# on each store. docs/reliability.md says what is shown.
.PHONY: soak
soak: test-tools ## The tests of faults, hostile input and made-up lives with their full figures
	VESTIBULE_SOAK=1 cargo test --locked --release --test it -- faults:: hostile:: store::life:: --nocapture --test-threads 1

# Alone on the machine; the build takes some minutes. docs/performance.md says what is measured.
.PHONY: bench
bench: ## What an operation costs, as a ratio to what the database and the web server charge
	cargo bench --locked --profile dist --bench load

.PHONY: bench-scale
bench-scale: ## What it costs with ten thousand to ten million sessions stored; ten to twenty minutes
	cargo bench --locked --profile dist --bench load -- scale

# Needs `rustup toolchain install nightly` and `cargo install --locked cargo-fuzz`.
# What it finds new goes under fuzz/target; an input that fails, under fuzz/artifacts.
FUZZ_SECONDS := 60
FUZZ_TARGETS := $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs)))

.PHONY: fuzz
fuzz: $(FUZZ_TARGETS:%=fuzz-%) ## Fuzz what reads input, FUZZ_SECONDS=60 for each target; needs nightly and cargo-fuzz

fuzz-%:
	mkdir -p fuzz/target/corpus/$*
	cargo +nightly fuzz run $* fuzz/target/corpus/$* fuzz/corpus/$* -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096

.PHONY: test-tools
test-tools: ## Install what the tests need
	@scripts/install-test-tools.sh

.PHONY: lint
lint: fmt-check clippy doc deny ## Format, lints, docs, licences

.PHONY: fmt
fmt: ## Format the code
	cargo fmt

.PHONY: fmt-check
fmt-check:
	cargo fmt --check

.PHONY: clippy
clippy:
	cargo clippy --locked --all-targets -- -D warnings

.PHONY: doc
doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

.PHONY: deny
deny: $(CARGO_DENY)
	$(CARGO_DENY) --locked check --hide-inclusion-graph licenses bans sources

# Apart from the rest: it fetches the advisory database, which a closed
# network can't reach.
.PHONY: advisories
advisories: $(CARGO_DENY) ## Look for known vulnerabilities in the dependencies
	$(CARGO_DENY) --locked check advisories

$(CARGO_DENY):
	cargo install --locked --root $(CARGO_DENY_ROOT) --version $(CARGO_DENY_VERSION) cargo-deny

.PHONY: sbom
sbom: $(CARGO_CYCLONEDX) ## List what the binary is built from, in target/vestibule.cdx.json
	@scripts/sbom.sh $(CARGO_CYCLONEDX) target/vestibule.cdx.json

$(CARGO_CYCLONEDX):
	cargo install --locked --root $(CARGO_CYCLONEDX_ROOT) --version $(CARGO_CYCLONEDX_VERSION) cargo-cyclonedx

.PHONY: image
image: ## Build the container image
	docker build --tag vestibule \
	  --build-arg VERSION="$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)" \
	  --build-arg REVISION="$$(git rev-parse HEAD)" .

# Twenty minutes, as root, on Debian.
.PHONY: image-check
image-check: ## Build the image without an engine, look into it, run it without rights
	@scripts/image-check.sh
