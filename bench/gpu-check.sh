#!/usr/bin/env bash
# The GPU check, for a machine with an NVIDIA driver and nothing else: no JDK, no CUDA, no network.
#
#   bench/gpu-check.sh bundle FILE.tar.gz     builds all it needs into one file of under 40 MB
#   tar xzf FILE.tar.gz; gpu-check/run OUT    runs it there: results.json and results.md in OUT
#   bench/gpu-check.sh run OUT                both, on this machine
#
# run passes what follows OUT on: --quick for small sizes.
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
  "$mvn" -B -ntp -q -pl bench -am -Dmaven.test.skip=true package \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1/jars"
  # Zipped again by tar: smaller without compression of its own.
  "$JAVA_HOME/bin/jlink" --add-modules java.base,java.logging,java.management,jdk.incubator.vector,jdk.unsupported \
    --strip-debug --no-man-pages --no-header-files --compress zip-0 --output "$bundle/java"
  mkdir "$bundle/lib"
  local module
  for module in formats quant kernels amp bench; do
    cp "$module"/target/narrow-"$module"-*.jar "$bundle/lib/"
  done
  rm -f "$bundle"/lib/*-sources.jar "$bundle"/lib/*-javadoc.jar
  cp "$1"/jars/jcuda-[0-9]*.jar "$1"/jars/jackson-core-*.jar "$bundle/lib/"
  # Of JCuda's natives the driver's alone: the others are 9 MB and need CUDA 12.
  natives=$(ls "$1"/jars/jcuda-natives-*.jar)
  library=$(unzip -Z1 "$natives" 'lib/libJCudaDriver-*')
  (cd "$1" && unzip -q "$natives" "$library" && "$JAVA_HOME/bin/jar" --create --no-compress \
    --file "$bundle/lib/jcuda-driver-native.jar" "$library")
  # The loop in C that launches from Java are measured beside; a GPU machine may have no compiler.
  if command -v cc >/dev/null; then
    cc -O2 -shared -fPIC -o "$bundle/lib/liblaunch_loop.so" bench/src/main/resources/dev/narrow/bench/launch_loop.c
  fi
  cat >"$bundle/run" <<'RUN'
#!/bin/sh
# gpu-check/run OUT [--quick]
here=$(dirname "$(readlink -f "$0")")
flags="--add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -Xmx16g"
[ $# -ge 1 ] || { echo "gpu-check/run OUT [--quick], expected a directory for the results" >&2; exit 2; }
out=$1
mkdir -p "$out"
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck; do
    compute-sanitizer --tool $tool --error-exitcode 9 "$here/java/bin/java" $flags -cp "$here/lib/*" \
      dev.narrow.bench.GpuCheck "$out/sanitizer-$tool" --correctness --quick >"$out/sanitizer-$tool.txt" 2>&1
    echo "compute-sanitizer $tool: exit code $?" | tee -a "$out/sanitizer-$tool.txt"
  done
fi
"$here/java/bin/java" $flags -cp "$here/lib/*" dev.narrow.bench.GpuCheck "$@"
status=$?
if [ -e "$here/lib/liblaunch_loop.so" ]; then
  "$here/java/bin/java" $flags -cp "$here/lib/*" dev.narrow.bench.LaunchOverhead "$here/lib/liblaunch_loop.so" |
    tee "$out/launch.txt"
fi
exit $status
RUN
  chmod +x "$bundle/run"
}

case "${1:-}" in
  bundle)
    [ $# = 2 ] || usage
    file=$(realpath -m "$2")
    [ ! -e "$file" ] || { echo "gpu-check: $file exists, expected a new file" >&2; exit 2; }
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
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
