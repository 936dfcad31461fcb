# The front door. `make help` lists the targets; CMakePresets.json holds the builds behind them.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 30
PREFIX ?= /usr/local
CALIBRATION ?= out/calibration
BINARY := build/release/perfmodel

BUILD_PACKAGES := g++ cmake ninja-build libfmt-dev libyaml-dev libeigen3-dev libcli11-dev nlohmann-json3-dev \
                  libmuparser-dev libcsv-dev libsimdjson-dev libxxhash-dev
# What perfmodel evolve uses beyond that: classical operators, the lineage, the box for external programs. Not for
# make predict, which needs none of it.
SEARCH_PACKAGES := libpagmo-dev git bubblewrap
# With ccache, `make python` takes the objects of `make test`.
TEST_PACKAGES  := $(BUILD_PACKAGES) $(SEARCH_PACKAGES) doctest-dev libexpat1-dev ccache
BENCH_PACKAGES := $(BUILD_PACKAGES) libbenchmark-dev
CUDA_PACKAGES  := $(BUILD_PACKAGES) librandom123-dev
PYTHON_PACKAGES := $(BUILD_PACKAGES) python3-venv python3-dev ccache
FUZZ_PACKAGES  := $(BUILD_PACKAGES) clang

# $(call configure,PRESET): configures once; Ninja reruns CMake by itself afterwards.
configure = test -f build/$(1)/build.ninja || cmake --preset $(1) -Wno-dev > /dev/null
# What the builds say goes to stderr, so that `make predict` prints the prediction alone on stdout.
compile = cmake --build build/$(1) -j $(JOBS) -- --quiet >&2

.PHONY: help python test-python build predict test test-asan bench fuzz tidy install clean venv-cuda bundle cuda cuda-bundle calibrate \
        sequences

help:
	@echo 'make predict     build the binary and predict workloads/llama2_block.yaml'
	@echo 'make build       build $(BINARY)'
	@echo 'make test        build and run every test'
	@echo 'make test-asan   the same under the address and undefined-behaviour sanitizers'
	@echo 'make python      build the Python module into .venv'
	@echo 'make test-python test it, the adapters and the MCP server (downloads the frameworks, about 1 GB)'
	@echo 'make bench       run the benchmarks'
	@echo 'make fuzz        fuzz the YAML, CSV and JSON-lines readers, FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'make tidy        clang-tidy'
	@echo 'make install     install to PREFIX=$(PREFIX)'
	@echo 'make bundle      gather $(BINARY) with its libraries and data for another machine, build/bundle'
	@echo 'make cuda        build build/cuda/perfmodel, which can calibrate (needs CUDA 13 and CUPTI, no GPU)'
	@echo 'make calibrate   build it and measure the GPU at hand in 5 minutes, into CALIBRATION=$(CALIBRATION)'
	@echo 'make sequences   count the instructions behind workloads/sequences anew (needs nvcc, no GPU)'
	@echo 'make cuda-bundle build it and gather it with its libraries and data for another machine, build/cuda-bundle'

predict:
	@cmake/install_packages.sh $(BUILD_PACKAGES)
	@$(call configure,release)
	@$(call compile,release)
	@$(BINARY) predict llama2_block.yaml

build:
	@cmake/install_packages.sh $(BUILD_PACKAGES) $(SEARCH_PACKAGES)
	@grep -qs '^pagmo_DIR:PATH=/' build/release/CMakeCache.txt || cmake --preset release -Wno-dev > /dev/null
	@$(call compile,release)

test:
	@cmake/install_packages.sh $(TEST_PACKAGES)
	@cmake/run_tests.sh dev $(JOBS)

test-asan:
	@cmake/install_packages.sh $(TEST_PACKAGES)
	@cmake/run_tests.sh asan $(JOBS)

# pip keeps the build folder build/python, so that only what changed is compiled again.
.venv/python: python/requirements.txt
	@cmake/install_packages.sh $(PYTHON_PACKAGES)
	@python3 -m venv .venv
	@.venv/bin/pip install -q --disable-pip-version-check -r $< >&2
	@touch $@

.venv/python-test: python/requirements-test.txt .venv/python
	@.venv/bin/pip install -q --disable-pip-version-check -r $< >&2
	@touch $@

python: .venv/python
	@cmake/install_packages.sh $(PYTHON_PACKAGES)
	@CC=cc CXX=c++ .venv/bin/pip install -q --disable-pip-version-check --no-build-isolation --no-deps --force-reinstall \
	  ./python >&2

# PERFMODEL_BINARY=FILE tests a program that is built already.
test-python: python .venv/python-test $(if $(PERFMODEL_BINARY),,build)
	@PERFMODEL_BINARY=$(abspath $(or $(PERFMODEL_BINARY),$(BINARY))) .venv/bin/python -m pytest python

bench:
	@cmake/install_packages.sh $(BENCH_PACKAGES)
	@$(call configure,bench)
	@$(call compile,bench)
	@build/bench/bench/perfmodel_bench

fuzz:
	@cmake/install_packages.sh $(FUZZ_PACKAGES)
	@$(call configure,fuzz)
	@cmake --build build/fuzz -j $(JOBS) --target fuzz_yaml fuzz_csv fuzz_oracle -- --quiet
	@fuzz/run.sh $(FUZZ_SECONDS)

tidy:
	@cmake/install_packages.sh $(BUILD_PACKAGES) clang clang-tidy
	@$(call configure,tidy)
	@$(call compile,tidy)

install: build
	@cmake --install build/release --prefix $(PREFIX)

bundle: build
	@cmake/bundle.sh $(BINARY) build/bundle

# CUTLASS and cuDNN headers and the disassembler, without what those packages need to run.
.venv/cuda: cmake/cuda-requirements.txt
	@python3 -m venv .venv
	@.venv/bin/pip install -q --disable-pip-version-check --no-deps -r $< >&2
	@touch $@

venv-cuda: .venv/cuda

cuda: .venv/cuda
	@cmake/install_packages.sh $(CUDA_PACKAGES)
	@$(call configure,cuda)
	@$(call compile,cuda)

cuda-bundle: cuda
	@cmake/bundle.sh build/cuda/perfmodel build/cuda-bundle

calibrate: cuda
	@build/cuda/perfmodel calibrate --out $(CALIBRATION)

# Triton and the disassembler, to count anew what workloads/sequences/*.yaml rest on; needs nvcc besides.
.venv/sequences: workloads/sequences/sources/requirements.txt
	@python3 -m venv .venv
	@.venv/bin/pip install -q --disable-pip-version-check -r $< >&2
	@touch $@

sequences: .venv/sequences
	@.venv/bin/python workloads/sequences/sources/count.py mask
	@.venv/bin/python workloads/sequences/sources/count.py gemm

clean:
	rm -rf build
