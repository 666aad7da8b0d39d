#!/bin/sh
# Measures Llamero on a machine with a GPU and without a registry: needs tar, xz or gzip, CMake, make or ninja,
# a C++ compiler and nvcc.
# Each step can be called alone and again; one that was cut off goes on where it was.
set -eu

usage() {
  cat <<USAGE
Usage: sh unpack-and-run.sh STEP... [options] [-- options of the benchmark]
Steps, in their order; "all" is all of them:
  unpack      puts the parts together and unpacks them
  configure   chooses what to build: for the one GPU that is here
  build       builds llama.cpp, node-llama-cpp's addon and llama-batched-bench
  model       makes the model of random weights
  run         measures and writes the report
Options:
  --gpu BACKEND    cuda or false, the CPU (default cuda)
  --arch N         CUDA architecture, such as 90 (default: that of the first GPU)
  --model NAME     1b, 100m, 15m, tiny or a GGUF file (default 1b)
  --parts FOLDER   where the parts lie (default: beside this script)
  --work FOLDER    where everything is unpacked and built (default ./llamero-gpu)
  --out FOLDER     where the report goes (default WORK/report)
  --jobs N         compilers at once (default: one per core)
Environment:
  CUBLAS_ROOT      a folder with include/cublas_v2.h and lib/libcublas.so*, for a CUDA toolkit without them
  CMAKE_ARGS       more arguments for CMake
USAGE
  exit 2
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

parts=$(cd "$(dirname "$0")" && pwd)
work=./llamero-gpu gpu=cuda arch= model=1b out= jobs=$(nproc) steps=
while [ $# -gt 0 ]; do
  case $1 in
    unpack | configure | build | model | run) steps="$steps $1" ;;
    all) steps="unpack build model run" ;;
    --) shift; break ;;
    --gpu | --arch | --model | --parts | --work | --out | --jobs)
      [ $# -gt 1 ] || usage
      name=${1#--}
      eval "$name=\$2"
      shift
      ;;
    *) usage ;;
  esac
  shift
done
[ -n "$steps" ] || usage
case $gpu in cuda | false) ;; *) usage ;; esac

absolute() { mkdir -p "$1" && cd "$1" && pwd; }
work=$(absolute "$work")
out=$(absolute "${out:-$work/report}")
modules=$work/llamero/node_modules
build=$work/build-$gpu
PATH=$modules/node/bin:$PATH

# Parts that do not fit into one transfer are gathered over several calls.
unpack() {
  mkdir -p "$work/parts" "$work/data"
  for part in "$parts"/llamero-gpu.tar.*; do
    if [ -f "$part" ] && ! cmp -s "$part" "$work/parts/${part##*/}"; then cp "$part" "$work/parts/"; fi
  done
  list=$(cd "$work/parts" && echo llamero-gpu.tar.*.sha256)
  [ -f "$work/parts/$list" ] || fail "There is not exactly one llamero-gpu.tar.*.sha256 in $parts and $work/parts."
  if cmp -s "$work/parts/$list" "$work/unpacked"; then return; fi
  (cd "$work/parts" && sha256sum --check --quiet "$list") || fail "Parts are missing or damaged: bring them, then unpack again."
  case $list in *.xz.*) decompress=xz ;; *) decompress=gzip ;; esac
  rm -rf "$work/llamero" "$work/unpacked"
  mkdir "$work/llamero"
  ln -s ../data "$work/llamero/.data"
  # Only what is listed: parts of an archive that was larger may lie beside them.
  (cd "$work/parts" && while read -r _ part; do cat "$part"; done <"$list") | $decompress -dc | tar -xf - -C "$work/llamero"
  node --version >/dev/null || fail "The packed Node does not run here: pack on a machine of the same system and processor."
  cp "$work/parts/$list" "$work/unpacked"
}

# Python's nvidia-cublas, which comes with PyTorch, has cuBLAS for a toolkit that was installed without.
cublas_flags() {
  if [ -z "${CUBLAS_ROOT:-}" ]; then
    for header in "$toolkit"/include/cublas_v2.h "$toolkit"/targets/*/include/cublas_v2.h; do
      if [ -f "$header" ]; then return; fi
    done
    site=$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))' 2>/dev/null) || site=
    for CUBLAS_ROOT in "$site"/nvidia/cu[0-9]* "$site"/nvidia/cublas; do
      if [ -f "$CUBLAS_ROOT/include/cublas_v2.h" ]; then break; fi
    done
  fi
  [ -f "$CUBLAS_ROOT/include/cublas_v2.h" ] || fail "No cublas_v2.h here: install the toolkit's cuBLAS, or set CUBLAS_ROOT."
  for library in cublas cublasLt; do
    for file in "$CUBLAS_ROOT"/lib/lib$library.so*; do printf ' -DCUDA_%s_LIBRARY=%s' "$library" "$file"; done
  done
  printf ' -DCMAKE_CUDA_FLAGS=-I%s' "$CUBLAS_ROOT/include"
}

# CMake looks for the toolkit's stub of the driver; without one, the driver itself will do.
driver_flags() {
  for stub in "$toolkit"/lib64/stubs/libcuda.so "$toolkit"/targets/*/lib/stubs/libcuda.so; do
    if [ -f "$stub" ]; then return; fi
  done
  for driver in /usr/local/nvidia/lib64/libcuda.so.1 /usr/lib/*-linux-gnu/libcuda.so.1 /usr/lib64/libcuda.so.1; do
    if [ -f "$driver" ]; then printf ' -DCUDA_cuda_driver_LIBRARY=%s' "$driver"; return; fi
  done
}

# One CMake project makes the addon and the baseline, so that both run the very same libraries. The CPU's part is for any x86-64
# with AVX2: some compilers make broken code of the newest instructions, and on a GPU it hardly matters.
configure() {
  [ -f "$work/unpacked" ] || fail "Nothing is unpacked in $work: begin with the step unpack."
  flags=-DGGML_CUDA=OFF
  if [ "$gpu" = cuda ]; then
    [ -n "$arch" ] || arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d '. ')
    [ -n "$arch" ] || fail "nvidia-smi names no GPU here. To build for one that is elsewhere, name it: --arch 90."
    nvcc=$(command -v nvcc) || nvcc=/usr/local/cuda/bin/nvcc
    [ -x "$nvcc" ] || fail "There is no nvcc on PATH: install the CUDA toolkit."
    toolkit=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
    libraries=$(cublas_flags && driver_flags)
    flags="-DGGML_CUDA=ON -DCMAKE_CUDA_COMPILER=$nvcc -DCMAKE_CUDA_ARCHITECTURES=$arch-real$libraries"
  fi
  if ! command -v make >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
  # shellcheck disable=SC2086 # flags are words
  cmake -S "$modules/node-llama-cpp/llama" -B "$build" $flags -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=OFF -DGGML_METAL=OFF \
    -DGGML_CCACHE=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TOOLS=ON -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$build/bin" \
    -DCMAKE_JS_INC="$modules/node-api-headers/include" ${CMAKE_ARGS:-}
}

# node-llama-cpp takes a build in this folder, described by these two files, before any that came with it.
register() {
  processor=$(node -p process.arch)
  release=$(node -p "require('$modules/node-llama-cpp/llama/binariesGithubRelease.json').release")
  name=linux-$processor named=false
  if [ "$gpu" != false ]; then name=$name-$gpu named=\"$gpu\"; fi
  folder=$modules/node-llama-cpp/llama/localBuilds/$name
  mkdir -p "$folder"
  ln -sfn "$build/bin" "$folder/Release"
  # No name of a system: node-llama-cpp then tries the build in a process of its own before it loads it.
  printf '{"buildOptions":{"customCmakeOptions":{},"platform":"linux","platformInfo":{"name":"","version":""},"arch":"%s","gpu":%s,"llamaCpp":{"repo":"ggml-org/llama.cpp","release":"%s"}}}\n' \
    "$processor" "$named" "$release" >"$build/bin/_nlcBuildMetadata.json"
  : >"$folder/buildDone.status"
}

build() {
  configure
  cmake --build "$build" --parallel "$jobs" --target llama-addon llama-batched-bench
  register
}

model() {
  cd "$work/llamero"
  node --input-type=module --eval \
    'import { benchModel } from "./bench/models/bench-model.ts"; console.log(await benchModel(process.argv[1]));' "$model"
}

run() {
  [ -f "$build/bin/llama-addon.node" ] || fail "Nothing is built in $build: begin with the step build."
  cd "$work/llamero"
  node bench/bench.ts gpu --gpu "$gpu" --model "$model" --batched-bench "$build/bin/llama-batched-bench" \
    --commit "$(cat COMMIT)" --out "$out" "$@"
}

for step in $steps; do
  say "== $step"
  case $step in
    run) run "$@" ;;
    *) $step ;;
  esac
done
