# Thin verbs over tools/setup.sh, CMake and the penumbra program. `make help` lists them.
PRESET ?= default
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
ARGS ?=
TORCH_PYTHON ?= python3
SETUP := tools/setup.sh
CMAKE := cmake
ifdef PENUMBRA_BUILT  # an image's programs are complete (Dockerfile): nothing is installed or compiled
SETUP := true
CMAKE := true
endif

.PHONY: $(shell sed -nE 's/^([a-z-]+):.*##.*/\1/p' $(MAKEFILE_LIST))  # every verb

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 26

setup:  ## install what is needed, make .venv and the data tables
	@$(SETUP)

$(BUILD)/build.ninja: | setup
	@$(CMAKE) --preset $(PRESET)

build: setup $(BUILD)/build.ninja  ## compile the program and the tests
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS)

$(BUILD)/bin/penumbra: build

demo: setup $(BUILD)/build.ninja  ## infer HD 23642 from its K2 light curve
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target penumbra
	@tools/demo.sh $(BUILD)/bin/penumbra

test: build  ## run every test
	@tools/test.sh $(BUILD)

test-calibration: setup $(BUILD)/build.ninja  ## is the shipped network still as calibrated as recorded? (a minute)
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target penumbra
	@ctest --test-dir $(BUILD) -L calibration --verbose

accuracy: setup $(BUILD)/build.ninja  ## the light curve's error over 500 draws of the prior (a quarter of an hour)
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target sim_accuracy_test
	PENUMBRA_ACCURACY_DRAWS=500 PENUMBRA_ACCURACY_FOLDER=docs $(BUILD)/bin/sim_accuracy_test \
		--gtest_filter=Accuracy.OverThePriorWithHeating:Accuracy.EveryPassband

train: setup $(BUILD)/build.ninja  ## train the compact preset (ARGS="--device cuda --set train.systems=8000000")
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target penumbra
	$(BUILD)/bin/penumbra train --preset compact --out runs/compact $(ARGS)

bench: bench-own  ## time the forward model beside PHOEBE and ellc; writes bench/results/
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target penumbra
	@$(SETUP) peers
	.venv-peers/bin/python bench/peers/light_curves.py --penumbra $(BUILD)/bin/penumbra --out $(BUILD)/bench/peers.json
	@.venv/bin/python bench/report.py --own $(BUILD)/bench/own.json --peers $(BUILD)/bench/peers.json \
	  --out bench/results/forward_model

bench-own: setup $(BUILD)/build.ninja  ## time the hot functions and the forward model alone
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target benches
	$(BUILD)/bin/light_curve_bench
	$(BUILD)/bin/prior_bench
	$(BUILD)/bin/survey_bench
	$(BUILD)/bin/flow_sample_bench
	@$(BUILD)/bin/forward_model_bench --systems bench/peers/systems.csv --json $(BUILD)/bench/own.json >/dev/null
	@.venv/bin/python bench/report.py --own $(BUILD)/bench/own.json

bench-flow: setup $(BUILD)/build.ninja  ## time the flow sampler beside nbi (TORCH_PYTHON: a Python with PyTorch)
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target flow_sample_bench
	@$(SETUP) peers
	PYTHONPATH=.venv-peers/lib/python3.11/site-packages $(TORCH_PYTHON) bench/peers/flow_samples.py \
	  --bench $(BUILD)/bin/flow_sample_bench --out bench/results/flow_sample

bench-training: setup $(BUILD)/build.ninja  ## time training steps beside nbi (TORCH_PYTHON; ARGS="--batch 16")
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target training
	@$(SETUP) peers
	PYTHONPATH=.venv-peers/lib/python3.11/site-packages $(TORCH_PYTHON) bench/peers/training.py \
	  --bench $(BUILD)/bin/training --data data --out bench/results/training $(ARGS)

PRIOR_DRAWS = $(or $(RESULTS),$(BUILD))/prior_draws.h5
PRIOR_OUT = $(or $(RESULTS),experiments/prior)
experiment-prior: setup $(BUILD)/build.ninja  ## figures of the prior, and its Msum derived; writes experiments/prior/ or RESULTS
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target penumbra experiment_prior
	$(BUILD)/bin/penumbra prior --draws 200000 --prior paper --seed 1 --device cpu --out $(PRIOR_DRAWS)
	.venv/bin/python experiments/prior/plot.py $(PRIOR_DRAWS) --out $(PRIOR_OUT)
	$(BUILD)/bin/experiment_prior data/tables/tracks.h5 > $(PRIOR_OUT)/msum.partial.csv
	@mv $(PRIOR_OUT)/msum.partial.csv $(PRIOR_OUT)/msum.csv

kernels: setup $(BUILD)/build.ninja  ## registers, spills, occupancy and bounds of the CUDA kernels (needs nvcc, no GPU)
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target kernel_costs
	@.venv/bin/python tools/kernel_report.py $(BUILD)

# One rule for all that follow: tools/experiment.sh. CONFIG=experiments/<name>/smoke.toml: a short run, nothing committed.
# RESULTS=folder: written there, nothing committed.
experiment-ablation:  ## what does each kind of data tell, and the prior's hierarchy? (three hours; goes on where it stopped)
experiment-exact:  ## exact posteriors of 200 systems, and of 20 beside emcee's (many CPU hours; goes on where it stopped)
experiment-ppc:  ## do predictions look like real binaries? most need ../shared/observations (an hour or two; goes on where it stopped)
experiment-timing:  ## cost of a posterior beside emcee with ellc and PHOEBE, for one system and a million (40 minutes)
experiment-observations:  ## do simulations look real? needs ../shared/observations (two minutes)
experiment-recovery:  ## medians, intervals and widths against the truth (4,999 systems: minutes)
experiment-spectra:  ## labels of stars from their spectra: recovery, calibration, real ones (an hour; ARGS="--spectra FOLDER": yours)
experiment-sbc:  ## ranks of the truth: bands, TARP, a classifier (minutes)
experiment-coverage:  ## how often credible regions hold the truth (minutes)

EXPERIMENTS := $(shell sed -nE 's/^experiment-([a-z]+):  ##.*/\1/p' $(MAKEFILE_LIST))
$(addprefix experiment-,$(EXPERIMENTS)): experiment-%: setup $(BUILD)/build.ninja
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target experiment_$*
	@tools/experiment.sh $* $(BUILD) "$(CONFIG)" $(ARGS) || [ $$? = 77 ]  # data that are not there: skipped

peers: setup  ## the programs that we are compared with: .venv-peers
	@$(SETUP) peers

experiment-timing: peers

experiments: experiment-prior $(addprefix experiment-,$(EXPERIMENTS))  ## every experiment

paper:  ## the report with the committed results, build/paper/penumbra.pdf (installs LaTeX)
	@$(SETUP) python
	@$(SETUP) paper
	@paper/build.sh build/paper

spectra-grid: setup  ## synthesise APOGEE spectra for the emulator (hours; go on where it stopped; ARGS="--spectra 8192 --jobs 4")
	@$(SETUP) moog
	.venv/bin/python data/recipes/spectra/make_grid.py $(ARGS)

spectra-emulator: setup  ## train the emulator of APOGEE spectra on that grid; writes data/spectra/emulator.h5
	.venv/bin/python data/recipes/spectra/train_emulator.py $(ARGS)

bundle: setup $(BUILD)/build.ninja  ## a relocatable folder for machines without these libraries
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS)
	@tools/bundle.sh $(BUILD) build/bundle

IMAGE_ARGS = --build-arg COMMIT=$(shell git describe --always --dirty --abbrev=12 --exclude='*') \
  --build-arg VERSION=$(shell sed -nE 's/^project.* VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)

docker:  ## the container image `penumbra` (docs/docker.md)
	docker build $(IMAGE_ARGS) --tag penumbra .

docker-check:  ## build the same image without Docker, and try it (root; half an hour, 40 GB)
	@tools/docker_check.sh $(IMAGE_ARGS)

format:  ## clang-format every source
	@git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format -i

check:  ## clang-format in check mode, then clang-tidy
	@tools/check.sh $(BUILD)

clean:  ## remove the builds
	rm -rf build
