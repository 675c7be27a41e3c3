# The two commands: `make demo` does the main job, `make test` all tests. Each sets itself up.
CARGO ?= cargo
OUT ?= out/demo

.PHONY: demo test setup build bench lint fuzz clean help

help: ## what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

demo: setup build ## boxes on a synthetic drive, and a page that explains them
	$(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),./target)/release/emc2 demo --out $(OUT)

test: setup ## all tests
	$(CARGO) test --locked --all-targets
	$(CARGO) test --locked --doc
	@tools/training_tests.sh

setup: ## the pinned ONNX Runtime library, into vendor/
	@tools/onnxruntime.sh

build:
	$(CARGO) build --locked --release

bench: setup ## criterion benches, one file a room
	$(CARGO) bench --locked

lint: ## formatting, clippy with warnings denied, documentation
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps

clean:
	$(CARGO) clean
	rm -rf out vendor/onnxruntime
