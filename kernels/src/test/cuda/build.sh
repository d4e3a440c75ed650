#!/usr/bin/env bash
# Builds what runs Narrow's CUDA kernels on the processor, where it is not there yet, and prints its path.
#
#   build.sh library OUT   libcuda.so.1, whose device is the emulator
#   build.sh replay OUT    a program that runs the kernels of traces again where sanitizers watch
#   build.sh races OUT     the same, where races.cpp does
#
# OUT is a folder. The kernels are those of src/main/cuda, of src/example/cuda and of this folder.
# Everything is keyed by a digest of sources, compiler and flags, so that nothing is built twice. CXX
# names the compiler (g++); without one the exit code is 3.
set -euo pipefail
what=$1
out=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kernels=$(cd "$here/../../main/cuda" && pwd)
shopt -s nullglob
cxx=${CXX:-g++}
if ! command -v "$cxx" >/dev/null || [ "$(uname -s)" != Linux ]; then
  echo "the emulated device needs Linux and $cxx" >&2
  exit 3
fi

flags=(-std=c++17 -ffp-contract=off -march=native -Wall -Wextra -Wno-unknown-pragmas)
kernel_flags=(-x c++ -DNARROW_EMULATOR -include "$here/emulator.h" -I "$kernels")
case $what in
  library)
    flags+=(-O2 -fPIC -fvisibility=hidden)
    link=(-shared -Wl,-soname,libcuda.so.1)
    result=libcuda.so.1
    sources=(emulator asynchrony memory modules control trace driver)
    ;;
  replay)
    flags+=(-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
      -fsanitize-sections=narrow_shared)
    link=()
    result=replay
    sources=(emulator asynchrony memory replay)
    ;;
  races)
    flags+=(-O1 -gdwarf-4 -no-pie -fno-pie -DNARROW_RACES)
    kernel_flags+=(-fsanitize=thread)
    link=(-no-pie)
    result=races
    sources=(emulator asynchrony memory races replay)
    ;;
  *)
    echo "build.sh library OUT, build.sh replay OUT or build.sh races OUT, not $what" >&2
    exit 2
    ;;
esac

digest() { sha256sum | cut -c1-16; }
# What -march=native stands for is part of the digest: a folder may be carried to another machine.
machine=$("$cxx" -march=native -Q --help=target 2>/dev/null | digest)
common=$({ "$cxx" --version; echo "$machine ${flags[*]} ${kernel_flags[*]}"; cat "$here"/*.h; } | digest)
mkdir -p "$out"
out=$(cd "$out" && pwd)

# compile SOURCE KEY [FLAG...]: prints nothing, leaves $out/KEY.o
compile() {
  local source=$1 object=$out/$2.o
  shift 2
  if [ ! -e "$object" ]; then
    local scratch
    scratch=$(mktemp "$out/XXXXXXXX.o")
    "$cxx" "${flags[@]}" "$@" -c "$source" -o "$scratch"
    mv "$scratch" "$object"
  fi
}

# A kernel's thunk is made where its parameters are known: behind its own source.
compile_kernels() {
  local source=$1 key=$2 names wrapper
  if [ -e "$out/$key.o" ]; then
    return
  fi
  names=$("$cxx" "${flags[@]}" "${kernel_flags[@]}" -DNARROW_LIST_KERNELS -E -P "$source" | tr '\n' ' ' |
    { grep -oE '__global__ +void +[A-Za-z_][A-Za-z0-9_]* *\(' || true; } |
    sed -E 's/__global__ +void +//; s/ *\($//')
  wrapper=$(mktemp "$out/XXXXXXXX.cpp")
  {
    echo "#include \"$source\""
    for name in $names; do
      echo "NARROW_EMULATED_KERNEL($name)"
    done
  } >"$wrapper"
  compile "$wrapper" "$key" "${kernel_flags[@]}"
  rm -f "$wrapper"
}

jobs=0
start() {
  "$@" &
  pids+=($!)
  if [ $((jobs += 1)) -gt 2 ]; then
    wait -n || exit 1
  fi
}

pids=()
objects=()
for source in "$kernels"/*.cu "$here/../../example/cuda"/*.cu "$here"/*.cu; do
  key=$(basename "$source" .cu)-$({ echo "$common $source"; cat "$kernels"/*.cuh "$source"; } | digest)
  objects+=("$out/$key.o")
  start compile_kernels "$source" "$key"
done
for source in "${sources[@]}"; do
  key=$source-$({ echo "$common"; cat "$here/$source.cpp"; } | digest)
  objects+=("$out/$key.o")
  start compile "$here/$source.cpp" "$key"
done
for pid in "${pids[@]}"; do
  wait "$pid" || exit 1
done

folder=$out/$(printf '%s\n' "${objects[@]}" | digest)
program=$folder/$result
if [ ! -e "$program" ]; then
  mkdir -p "$folder"
  scratch=$(mktemp "$folder/XXXXXXXX")
  "$cxx" "${flags[@]}" "${link[@]}" -o "$scratch" "${objects[@]}"
  mv "$scratch" "$program"
fi
echo "$program"
