#!/usr/bin/env bash
# Compiles the kernels to what is shipped as resources: needed only where a .cu or .cuh file has changed.
#
#   build.sh          rebuilds what has changed
#   build.sh --check  builds everything elsewhere and compares: what is committed is what the sources give
#
# For FILE.cu: FILE.sm_75.ptx, FILE.sm_80.ptx and FILE.sm_90.ptx, and FILE.sm_90.cubin; PTX runs on all
# later GPUs, so that of a later one is there only where it differs. For FILE.sm_90a.cu (instructions that
# only this GPU has): FILE.sm_90a.ptx and FILE.sm_90a.cubin. PTX says that it is of ISA 8.0, so that
# drivers from CUDA 12.0 on compile it: ptxas, here and in the tests that of CUDA 12.0, sees to it that it
# is. A kernel that uses the stack or spills registers is an error, and so is one whose products of
# warpgroups the compiler waits for by itself (its messages C75..: serialized, wait injected, setmaxnreg
# ignored).
#
# SOURCES.sha256 has a line for each FILE.cu: the digest of this script, all headers and the file.
set -euo pipefail
shopt -s nullglob
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")"
shipped=$(cd ../resources/dev/narrow/kernels/cuda && pwd)
flags=(-std=c++17 -O3 -fmad=false)

case ${1:-} in
  '') out=$shipped ;;
  --check) out=$(mktemp -d) ;;
  *)
    echo "build.sh [--check], not $1" >&2
    exit 2
    ;;
esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; [ "$out" = "$shipped" ] || rm -rf "$out"' EXIT

release=$(nvcc --version | sed -n 's/.*release.*, V/nvcc /p')
if [ "$out" != "$shipped" ] && ! grep -qx "# $release" "$shipped/SOURCES.sha256"; then
  echo "not checked: this is $release, the kernels were built by $(sed -n 's/^# //p' "$shipped/SOURCES.sha256")"
  exit 0
fi

digest() { cat build.sh *.cuh "$1" | sha256sum | cut -d' ' -f1; }

# One file for one GPU. Comments and indentation are for readers of the source; names of what is in an unnamed
# namespace have a hash of its path in them, and some the compiler's process number.
compile() {
  local source=$1 sm=$2 module=${1%%.*} ptx report
  ptx=$scratch/$module.sm_$sm.ptx
  nvcc "${flags[@]}" -ptx -arch="compute_$sm" "$source" -o "$ptx.9"
  sed -E 's,//.*,,; s/^[ \t]+//; s/[ \t]+$//; s/^\.version .*/.version 8.0/; /^$/d
    s/_GLOBAL__N__[0-9a-f]{8}_[0-9]+_[a-z0-9_]+_cu_[0-9a-f]{8}_?[0-9]+/_GLOBAL__N_/g' "$ptx.9" >"$ptx"
  report=$(ptxas -v -arch="sm_$sm" "$ptx" -o "$scratch/$module.sm_$sm.cubin" 2>&1) || {
    echo "$module.sm_$sm.ptx: $report" >&2
    return 1
  }
  if grep -E '\(C75[0-9]+\)' <<<"$report" >&2; then
    return 1
  fi
  # Two lines: for which function, and how much of the stack it takes.
  echo "$report" | sed -n '/Function properties for/{N;s/.*Function properties for //;s/\n */ /p}' |
    { grep -v ' 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads' || true; } >"$ptx.stack"
  if [ -s "$ptx.stack" ]; then
    sed "s/^/$module.sm_$sm: /" "$ptx.stack" >&2
    return 1
  fi
}

{
  echo "# $release"
  for source in *.cu; do
    echo "$(digest "$source")  $source"
  done
} >"$scratch/SOURCES.sha256"
changed=()
for source in *.cu; do
  if ! grep -qxF "$(digest "$source")  $source" "$out/SOURCES.sha256" 2>/dev/null; then
    changed+=("$source")
  fi
done

running=0
for source in "${changed[@]}"; do
  case $source in
    *.sm_90a.cu) targets=90a ;;
    *) targets='75 80 90' ;;
  esac
  for sm in $targets; do
    if [ $((running += 1)) -gt 2 ]; then # two at a time
      wait -n || touch "$scratch/failed"
    fi
    { compile "$source" "$sm" || touch "$scratch/failed"; } &
  done
done
wait
[ ! -e "$scratch/failed" ] || exit 1

for source in "${changed[@]}"; do
  module=${source%%.*}
  rm -f "$out/$module".*
  cp "$scratch/$module".sm_90*.cubin "$out/"
  last=
  for ptx in "$scratch/$module".sm_*.ptx; do
    if [ -z "$last" ] || ! cmp -s <(grep -v '^\.target ' "$last") <(grep -v '^\.target ' "$ptx"); then
      cp "$ptx" "$out/"
      last=$ptx
    fi
  done
done
cp "$scratch/SOURCES.sha256" "$out/"

if [ "$out" = "$shipped" ]; then
  # What a source that is gone has left.
  for file in "$out"/*.sm_*; do
    module=$(basename "$file")
    compgen -G "${module%%.*}*.cu" >/dev/null || rm -f "$file"
  done
else
  diff -r "$shipped" "$out" && echo "the kernels are what their sources give"
fi
