#!/usr/bin/env bash
# Packs the programs with the libraries that a bare Linux machine lacks into one relocatable folder. LibTorch stays
# outside: PENUMBRA_TORCH_LIB names its lib folder, or the Python on PATH that holds torch is asked.
# usage: tools/bundle.sh BUILD_FOLDER OUTPUT_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: tools/bundle.sh BUILD_FOLDER OUTPUT_FOLDER}
out=${2:?usage: tools/bundle.sh BUILD_FOLDER OUTPUT_FOLDER}
rm -rf "$out"
mkdir -p "$out/bin" "$out/lib" "$out/data/tables" "$out/data/banks"

# The program, and what checks and times it on a GPU.
cp "$build/bin/penumbra" "$out/bin/"
find "$build/bin" \( -name '*gpu*_test' -o -name libpenumbra_cuda.so \) -exec cp {} "$out/bin/" \;
# What HDF5 and netCDF would reach the network with brings 20 MB of cryptography along. In its place, libraries with
# the same functions and versions, all of which return 0, which their callers take as a failure to connect.
stubs=$(mktemp -d)
trap 'rm -rf "$stubs"' EXIT
ldd "$build/bin/penumbra" | awk '$1 ~ /^lib(curl|curl-gnutls|crypto)\.so/ {print $1, $3}' | while read -r name path; do
  nm -D --defined-only "$path" | awk '$2 == "T" && split($3, part, "@") {print part[1], part[length(part)]}' >"$stubs/symbols"
  awk '{print "void* " $1 "(void) { return 0; }"}' "$stubs/symbols" >"$stubs/stub.c"
  awk '{of[$2] = of[$2] " " $1 ";"} END {for (version in of) print version " {" of[version] " };"}' "$stubs/symbols" >"$stubs/versions"
  cc -shared -fPIC -Wl,-soname,"$name" -Wl,--version-script,"$stubs/versions" -o "$out/lib/$name" "$stubs/stub.c"
done
# Everything else that the programs need, except what every Linux has (glibc, libstdc++'s own runtime is taken along),
# the driver, CUDA and torch.
skip='^(linux-vdso|ld-linux|libc\.so|libm\.so|libdl\.so|librt\.so|libpthread\.so|libtorch|libc10|libcudart|libcupti|libcuda\.so|libgomp)'
for program in "$out"/bin/*; do LD_LIBRARY_PATH=$out/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} ldd "$program" || true; done |
  awk '$2 == "=>" && $3 ~ /^\// {print $1, $3}' | sort -u | while read -r name path; do
    [[ $name =~ $skip ]] || [ -e "$out/lib/$name" ] || cp -Ln "$path" "$out/lib/$name"
  done
for icu in "$out"/lib/libicudata.so.*; do
  [ -f "$icu" ] || continue
  cc -shared -fPIC -DICU_VERSION="${icu##*.}" -Wl,-soname,"$(basename "$icu")" -o "$icu" tools/icu_stub.c
done
for file in "$out"/bin/* "$out"/lib/*; do
  strip --strip-unneeded "$file" 2>/dev/null || true
  case $file in "$out"/bin/*) patchelf --set-rpath '$ORIGIN/../lib' "$file" ;; *) patchelf --set-rpath '$ORIGIN' "$file" ;; esac
done
cp data/tables/*.h5 "$out/data/tables/"
cp data/banks/*.h5 "$out/data/banks/"
cp data/tables/*.csv "$out/data/tables/"
cp -r data/tables/apogee "$out/data/tables/"
cp -r data/presets data/checkpoints data/spectra "$out/data/"
cp -r examples "$out/"
mkdir "$out/tools" && cp tools/report.py tools/report_star.py "$out/tools/"
cat >"$out/penumbra.sh" <<'RUN'
#!/usr/bin/env bash
# Runs a program of this folder (penumbra by default) with torch's libraries found.
# PENUMBRA_TORCH_LIB=/path/to/torch/lib, or the torch of python3 on PATH.  usage: penumbra.sh [--program NAME] ARGS
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
program=penumbra
[ "${1:-}" = --program ] && { program=$2; shift 2; }
torch=${PENUMBRA_TORCH_LIB:-$(python3 -c 'import importlib.util,os;print(os.path.join(os.path.dirname(importlib.util.find_spec("torch").origin),"lib"))' 2>/dev/null)}
[ -d "$torch" ] || { echo "torch's libraries were not found: set PENUMBRA_TORCH_LIB to the torch/lib folder of torch 2.11.0" >&2; exit 2; }
paths=$torch
for dir in "$torch"/../../nvidia/*/lib /usr/local/cuda/lib64 /usr/local/cuda/extras/CUPTI/lib64; do [ -d "$dir" ] && paths=$paths:$dir; done
export PENUMBRA_TORCH_LIB=$torch LD_LIBRARY_PATH=$paths${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
exec "$here/bin/$program" "$@"
RUN
chmod +x "$out/penumbra.sh"
du -sm "$out" | awk '{print $1 " MB in " $2}'
