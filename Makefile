# The front door. `make help` lists the targets; CMakePresets.json holds the builds behind them.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 30
PREFIX ?= /usr/local
BINARY := build/release/perfmodel

BUILD_PACKAGES := g++ cmake ninja-build libfmt-dev libyaml-dev libeigen3-dev libcli11-dev nlohmann-json3-dev \
                  libmuparser-dev libcsv-dev
TEST_PACKAGES  := $(BUILD_PACKAGES) doctest-dev
BENCH_PACKAGES := $(BUILD_PACKAGES) libbenchmark-dev
FUZZ_PACKAGES  := $(BUILD_PACKAGES) clang

# $(call configure,PRESET): configures once; Ninja reruns CMake by itself afterwards.
configure = test -f build/$(1)/build.ninja || cmake --preset $(1) -Wno-dev > /dev/null
# What the builds say goes to stderr, so that `make predict` prints the prediction alone on stdout.
compile = cmake --build build/$(1) -j $(JOBS) -- --quiet >&2

.PHONY: help build predict test test-asan bench fuzz tidy install clean

help:
	@echo 'make predict     build the binary and predict workloads/llama2_block.yaml'
	@echo 'make build       build $(BINARY)'
	@echo 'make test        build and run every test'
	@echo 'make test-asan   the same under the address and undefined-behaviour sanitizers'
	@echo 'make bench       run the benchmarks'
	@echo 'make fuzz        fuzz the YAML and CSV readers, FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'make tidy        clang-tidy'
	@echo 'make install     install to PREFIX=$(PREFIX)'

predict: build
	@$(BINARY) predict llama2_block.yaml

build:
	@cmake/install_packages.sh $(BUILD_PACKAGES)
	@$(call configure,release)
	@$(call compile,release)

test:
	@cmake/install_packages.sh $(TEST_PACKAGES)
	@cmake/run_tests.sh dev $(JOBS)

test-asan:
	@cmake/install_packages.sh $(TEST_PACKAGES)
	@cmake/run_tests.sh asan $(JOBS)

bench:
	@cmake/install_packages.sh $(BENCH_PACKAGES)
	@$(call configure,bench)
	@$(call compile,bench)
	@build/bench/bench/perfmodel_bench

fuzz:
	@cmake/install_packages.sh $(FUZZ_PACKAGES)
	@$(call configure,fuzz)
	@cmake --build build/fuzz -j $(JOBS) --target fuzz_yaml fuzz_csv -- --quiet
	@fuzz/run.sh $(FUZZ_SECONDS)

tidy:
	@cmake/install_packages.sh $(BUILD_PACKAGES) clang clang-tidy
	@$(call configure,tidy)
	@$(call compile,tidy)

install: build
	@cmake --install build/release --prefix $(PREFIX)

clean:
	rm -rf build
