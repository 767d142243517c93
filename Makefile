# Thin verbs over tools/setup.sh, CMake and the penumbra program. `make help` lists them.
PRESET ?= default
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
ARGS ?=
TORCH_PYTHON ?= python3

.PHONY: $(shell sed -nE 's/^([a-z-]+):.*##.*/\1/p' $(MAKEFILE_LIST))  # every verb

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 26

setup:  ## install what is needed, make .venv and the data tables
	@tools/setup.sh

$(BUILD)/build.ninja: | setup
	cmake --preset $(PRESET)

build: setup $(BUILD)/build.ninja  ## compile the program and the tests
	@cmake --build $(BUILD) --parallel $(JOBS)

$(BUILD)/bin/penumbra: build

demo: setup $(BUILD)/build.ninja  ## infer HD 23642 from its K2 light curve
	@cmake --build $(BUILD) --parallel $(JOBS) --target penumbra
	@tools/demo.sh $(BUILD)/bin/penumbra

test: build  ## run every test
	@tools/test.sh $(BUILD)

test-calibration: setup $(BUILD)/build.ninja  ## is the shipped network still as calibrated as recorded? (a minute)
	@cmake --build $(BUILD) --parallel $(JOBS) --target penumbra
	@ctest --test-dir $(BUILD) -L calibration --verbose

accuracy: setup $(BUILD)/build.ninja  ## the light curve's error over 500 draws of the prior (a quarter of an hour)
	@cmake --build $(BUILD) --parallel $(JOBS) --target sim_accuracy_test
	PENUMBRA_ACCURACY_DRAWS=500 PENUMBRA_ACCURACY_FOLDER=docs $(BUILD)/bin/sim_accuracy_test \
		--gtest_filter=Accuracy.OverThePriorWithHeating:Accuracy.EveryPassband

train: setup $(BUILD)/build.ninja  ## train the compact preset (ARGS="--device cuda --set train.systems=8000000")
	@cmake --build $(BUILD) --parallel $(JOBS) --target penumbra
	$(BUILD)/bin/penumbra train --preset compact --out runs/compact $(ARGS)

bench: bench-own  ## time the forward model beside PHOEBE and ellc; writes bench/results/
	@cmake --build $(BUILD) --parallel $(JOBS) --target penumbra
	@tools/setup.sh peers
	.venv-peers/bin/python bench/peers/light_curves.py --penumbra $(BUILD)/bin/penumbra --out $(BUILD)/bench/peers.json
	@.venv/bin/python bench/report.py --own $(BUILD)/bench/own.json --peers $(BUILD)/bench/peers.json \
	  --out bench/results/forward_model

bench-own: setup $(BUILD)/build.ninja  ## time the hot functions and the forward model alone
	@cmake --build $(BUILD) --parallel $(JOBS) --target benches
	$(BUILD)/bin/light_curve_bench
	$(BUILD)/bin/prior_bench
	$(BUILD)/bin/survey_bench
	$(BUILD)/bin/flow_sample_bench
	@$(BUILD)/bin/forward_model_bench --systems bench/peers/systems.csv --json $(BUILD)/bench/own.json >/dev/null
	@.venv/bin/python bench/report.py --own $(BUILD)/bench/own.json

bench-flow: setup $(BUILD)/build.ninja  ## time the flow sampler beside nbi (TORCH_PYTHON: a Python with PyTorch)
	@cmake --build $(BUILD) --parallel $(JOBS) --target flow_sample_bench
	@tools/setup.sh peers
	PYTHONPATH=.venv-peers/lib/python3.11/site-packages $(TORCH_PYTHON) bench/peers/flow_samples.py \
	  --bench $(BUILD)/bin/flow_sample_bench --out bench/results/flow_sample

experiment-prior: setup $(BUILD)/build.ninja  ## figures of the prior, and its Msum derived; writes experiments/prior/
	@cmake --build $(BUILD) --parallel $(JOBS) --target penumbra experiment_prior
	$(BUILD)/bin/penumbra prior --draws 200000 --prior paper --seed 1 --device cpu --out $(BUILD)/prior_draws.h5
	.venv/bin/python experiments/prior/plot.py $(BUILD)/prior_draws.h5
	$(BUILD)/bin/experiment_prior data/tables/tracks.h5 > $(BUILD)/msum.csv
	@mv $(BUILD)/msum.csv experiments/prior/msum.csv

kernels: setup $(BUILD)/build.ninja  ## registers, spills, occupancy and bounds of the CUDA kernels (needs nvcc, no GPU)
	@cmake --build $(BUILD) --parallel $(JOBS) --target kernel_costs
	@.venv/bin/python tools/kernel_report.py $(BUILD)

spectra-grid: setup  ## synthesise APOGEE spectra for the emulator (hours; go on where it stopped; ARGS="--spectra 8192 --jobs 4")
	@tools/setup.sh moog
	.venv/bin/python data/recipes/spectra/make_grid.py $(ARGS)

spectra-emulator: setup  ## train the emulator of APOGEE spectra on that grid; writes data/spectra/emulator.h5
	.venv/bin/python data/recipes/spectra/train_emulator.py $(ARGS)

experiment-observations: setup $(BUILD)/build.ninja  ## do simulations look real? needs ../shared/observations (ten minutes)
	@cmake --build $(BUILD) --parallel $(JOBS) --target penumbra experiment_observations
	experiments/observations/run.sh experiments/observations/config.toml $(BUILD) $(BUILD)/experiments/observations
	@cp $(addprefix $(BUILD)/experiments/observations/,provenance.toml tests.csv distributions.csv errors.csv \
	  catalogue_errors.csv detections.csv nearest.csv figures/*.png figures/*.pdf) experiments/observations/results/

bundle: setup $(BUILD)/build.ninja  ## a relocatable folder for machines without these libraries
	@cmake --build $(BUILD) --parallel $(JOBS)
	@tools/bundle.sh $(BUILD) build/bundle

format:  ## clang-format every source
	@git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format -i

check:  ## clang-format in check mode, then clang-tidy
	@tools/check.sh $(BUILD)

clean:  ## remove the builds
	rm -rf build
