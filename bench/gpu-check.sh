#!/usr/bin/env bash
# The GPU check, for a machine with an NVIDIA driver and nothing else: no JDK, no CUDA, no network.
#
#   bench/gpu-check.sh bundle FILE.tar.gz     builds all it needs into one file of under 40 MB
#   tar xzf FILE.tar.gz; gpu-check/run OUT    runs it there: results.json, results.md, results.html in OUT
#   bench/gpu-check.sh run OUT                both, on this machine
#
# What follows OUT is passed on: --quick for small sizes, --correctness to measure nothing, --only NAME,... for
# parts (comparison, bandwidth, launch, product, skinny, training, sanitizer) or for what begins with a name,
# --force to overwrite results. Exit code 1: some results are wrong. Results are written after each part.
#
# In JAVA_TOOL_OPTIONS -Ddev.narrow.cuda.library=PATH names another driver, -Ddev.narrow.cublas.library=PATH the
# library to compare with, which else is looked for where the loader and Python find theirs. MAVEN_ARGS=-o
# builds without a network.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

usage() {
  sed -n '2,/^set/s/^# \{0,1\}//p' "bench/gpu-check.sh" | sed '$d' >&2
  exit 2
}

# A directory gpu-check/ in DIR.
assemble() { # DIR
  . .mvn/find-jdk.sh || exit 2
  local bundle=$1/gpu-check mvn natives library
  mvn=$(command -v mvn || echo ./mvnw)
  # Maven itself reads it from 3.9 on.
  # shellcheck disable=SC2086 # several words
  "$mvn" ${MAVEN_ARGS:-} -B -ntp -q -pl bench -am -Dmaven.test.skip=true package \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1/jars"
  # Zipped again by tar: smaller without compression of its own.
  "$JAVA_HOME/bin/jlink" --add-modules java.base,java.logging,java.management,jdk.incubator.vector,jdk.unsupported \
    --strip-debug --no-man-pages --no-header-files --compress zip-0 --output "$bundle/java"
  mkdir "$bundle/lib"
  cp LICENSE NOTICE "$bundle/"
  local module
  for module in formats quant kernels amp bench; do
    cp "$module"/target/narrow-"$module"-*.jar "$bundle/lib/"
  done
  rm -f "$bundle"/lib/*-sources.jar "$bundle"/lib/*-javadoc.jar
  cp "$1"/jars/jcuda-[0-9]*.jar "$1"/jars/jackson-core-*.jar "$bundle/lib/"
  # Of JCuda's natives the driver's alone: the others are 9 MB and need CUDA 12.
  natives=$(ls "$1"/jars/jcuda-natives-*.jar)
  library=$("$JAVA_HOME/bin/jar" --list --file "$natives" | grep 'lib/libJCudaDriver-')
  (cd "$1" && "$JAVA_HOME/bin/jar" --extract --file "$natives" "$library" &&
    "$JAVA_HOME/bin/jar" --create --no-compress --file "$bundle/lib/jcuda-driver-native.jar" "$library")
  # The loop in C that launches from Java are measured beside; a GPU machine may have no compiler.
  if command -v cc >/dev/null; then
    cc -O2 -shared -fPIC -o "$bundle/lib/liblaunch_loop.so" bench/src/main/resources/dev/narrow/bench/gpu/launch_loop.c
  fi
  cat >"$bundle/run" <<'RUN'
#!/bin/sh
# gpu-check/run OUT [--quick] [--correctness] [--only NAME,...] [--force]
here=$(dirname "$(readlink -f "$0")")
if [ -e "$here/lib/liblaunch_loop.so" ]; then
  loop=-Ddev.narrow.bench.launch-loop=$here/lib/liblaunch_loop.so
fi
# The largest operations have five tensors of 1 GB.
exec "$here/java/bin/java" -XX:MaxRAMPercentage=50 -XX:+UseParallelGC --add-modules jdk.incubator.vector \
  --enable-native-access=ALL-UNNAMED ${loop:+"$loop"} -cp "$here/lib/*" dev.narrow.bench.gpu.GpuCheck "$@"
RUN
  chmod +x "$bundle/run"
}

case "${1:-}" in
  bundle)
    [ $# = 2 ] || usage
    file=$(realpath -m "$2")
    [ ! -e "$file" ] || { echo "gpu-check: $file exists, expected a new file" >&2; exit 2; }
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch" "$file.partial"' EXIT
    assemble "$scratch"
    tar -C "$scratch" --owner=0 --group=0 -czf "$file.partial" gpu-check
    mv "$file.partial" "$file"
    echo "$file: $(du -m "$file" | cut -f1) MB" ;;
  run)
    [ $# -ge 2 ] || usage
    out=$(realpath -m "$2")
    shift 2
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    assemble "$scratch"
    "$scratch/gpu-check/run" "$out" "$@" ;;
  *) usage ;;
esac
