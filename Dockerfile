# Penumbra built, with its tables, networks and CUDA's libraries; a GPU needs nothing on the host but NVIDIA's driver and
# container toolkit. docs/docker.md tells how to use it.
#   make docker          builds the image `penumbra` with Docker
#   make docker-check    builds it without Docker and tries it
ARG BASE=debian:bookworm

# What `make setup` makes. It changes with the lists of packages and the recipes only.
FROM ${BASE} AS setup
WORKDIR /penumbra
COPY tools/setup.sh tools/debian-packages.txt tools/
RUN tools/setup.sh packages
COPY tools/requirements.txt tools/
RUN --mount=type=cache,target=/root/.cache/pip tools/setup.sh python
COPY data/recipes data/recipes
COPY sim/passbands.h sim/
RUN --mount=type=cache,target=/root/.cache/pip tools/setup.sh tables

FROM setup AS cuda
COPY tools/cuda.txt tools/
RUN --mount=type=cache,target=/root/.cache/pip tools/setup.sh cuda

FROM setup AS build
COPY tools/nvcc.txt tools/
RUN --mount=type=cache,target=/root/.cache/pip tools/setup.sh nvcc
COPY . .
ARG COMMIT=unknown
RUN --mount=type=cache,target=/root/.cache/ccache \
    export PENUMBRA_COMMIT=${COMMIT} \
    && cmake --preset default -D PENUMBRA_CUDA=ON -D PENUMBRA_TESTS=OFF \
    && cmake --build build/default --parallel "$(nproc)" --target penumbra experiments \
    && strip build/default/bin/*
# The Debian packages whose libraries the programs load.
RUN ldd build/default/bin/* | awk '$3 ~ "^(/usr)?/lib/" {print "*/" $1}' | sort -u | xargs dpkg -S | cut -d: -f1 \
    | sort -u > build/packages.txt

FROM ${BASE}
WORKDIR /penumbra
COPY --from=build /penumbra/build/packages.txt build/
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends make python3 $(cat build/packages.txt) > /dev/null \
    && rm -rf /var/lib/apt/lists/*
COPY --from=cuda /penumbra/.venv/lib/python3.11/site-packages/nvidia .venv/lib/python3.11/site-packages/nvidia
COPY --from=setup /penumbra/.venv .venv
COPY --from=setup /penumbra/data/tables data/tables
COPY . .
COPY --from=build /penumbra/build/default/bin build/default/bin
RUN ln -s ../../data build/default/data \
    && useradd --uid 1000 --home-dir /tmp penumbra \
    && install --directory --owner=penumbra --group=penumbra /results
# PENUMBRA_BUILT: the Makefile neither installs nor compiles. RESULTS: where experiments write. HOME: arviz and matplotlib
# keep files there, and a user of docker run --user has no other.
ENV PATH=/penumbra/build/default/bin:$PATH \
    PENUMBRA_BUILT=1 \
    RESULTS=/results \
    HOME=/tmp \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
ARG VERSION=unknown
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="Penumbra" \
      org.opencontainers.image.description="Posteriors of detached eclipsing binaries from light curves, photometry and parallax" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
USER 1000:1000
CMD ["penumbra", "--help"]
