#!/usr/bin/env bash
# Builds the Dockerfile where no Docker daemon runs, then tries the image: buildah with chroot isolation and plain folders as
# layers, a debootstrapped root as debian:bookworm. It needs root, Debian's packages and PyPI. The build sees this machine's
# pip.conf and certificates; the image's users do not need them.
# usage: tools/docker_check.sh [options of `buildah build`]
set -euo pipefail
cd "$(dirname "$0")/.."
work=$PWD/build/docker-check # layers, given back at the end; caches of pip and ccache, kept
rm -rf "$work"/{base,layers,run,results}
mkdir -p "$work"/results
export TMPDIR=$work BUILDAH_ISOLATION=chroot
say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
store() { buildah --root "$work/layers" --runroot "$work/run" --storage-driver vfs "$@"; }

if ! { command -v buildah && command -v debootstrap; } >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah debootstrap >/dev/null
fi
trap 'rm -rf "$work"/{base,layers,run,results}' EXIT

say "Building debian:bookworm"
# With ca-certificates: python3-venv brings it, and would write the file that is mounted below.
debootstrap --variant=minbase --include=ca-certificates bookworm "$work/base" >"$work/debootstrap.log"
base=$(store from scratch)
store add --quiet "$base" "$work/base" / >/dev/null
store commit --quiet --rm "$base" debian:bookworm >/dev/null
rm -rf "$work/base"

say "Building the image"
here=()
for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
  [ ! -f "$file" ] || here+=(--volume "$file:$file:ro")
done
store build --pull-never --network host "${here[@]}" "$@" --tag penumbra .
store images

container=$(store from --pull-never penumbra)
inside() { store run "$container" -- "$@"; }
of_image() { store inspect --type image --format "$1" penumbra; }

# check WHAT TRUE_IF...: ends everything unless the command succeeds.
check() {
  "${@:2}" || { echo "FAILED: $1" >&2; exit 1; }
  say "passed: $1"
}

read -ra default_command <<<"$(of_image '{{range .OCIv1.Config.Cmd}}{{.}} {{end}}')"
help=$(inside "${default_command[@]}")
check "docker run IMAGE prints the help" grep -q '^Usage: penumbra' <<<"$help"

user=$(inside id -u)
check "its user is ordinary ($user)" [ "$user" != 0 ]
check "who may not change the program" inside sh -c '! touch data/x build/default/bin/x 2>/dev/null'

info=$(inside penumbra info)
echo "$info"
commit=$(of_image '{{index .OCIv1.Config.Labels "org.opencontainers.image.revision"}}')
check "penumbra info names the commit of the label, $commit" grep -qx "commit: $commit" <<<"$info"

# What LibTorch's libraries load, CUDA's included.
missing=$(inside sh -c 'ldd .venv/lib/python3.11/site-packages/torch/lib/*.so' | awk '/not found/ {print $1}' | sort -u)
check "a GPU needs only the driver: missing is $missing" [ "$missing" = libcuda.so.1 ]

# As a user whom the image does not know (docker run --user), into a mounted folder of theirs.
chown 4321:4321 "$work/results"
store run --user 4321:4321 --volume "$work/results:/results" "$container" -- \
  make demo experiment-sbc CONFIG=experiments/sbc/smoke.toml
find "$work/results" -type f -printf '%U %8s %P\n' | sort -k3
for file in hd23642.nc hd23642.html provenance.toml tests.csv ranks.png; do
  found=$(find "$work/results" -name "$file" -user 4321 -size +0)
  check "make demo experiment-sbc left $file in the mounted folder" [ -n "$found" ]
done
