# Sets JAVA_HOME to a JDK 25.0.3 or later, or says how to get one and returns 1. To be sourced.
# Earlier updates of 25 can corrupt pinned arrays (JDK-8377811).

narrow_is_jdk() { # DIR
  [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
  case "$(sed -n 's/^JAVA_VERSION="\(.*\)"/\1/p' "$1/release")" in
    25 | 25.0.[012] | 25.0.[012].*) return 1 ;;
    25.*) return 0 ;;
    *) return 1 ;;
  esac
}

narrow_find_jdk() {
  local dir java
  java=$(command -v java || true)
  [ -n "$java" ] && java=$(dirname "$(dirname "$(readlink -f "$java")")")
  for dir in "${JAVA25_HOME:-}" "${JDK25_HOME:-}" "${JAVA_HOME:-}" "$java" \
    /usr/lib/jvm/* /opt/*jdk* /opt/java/* "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* "$HOME"/.m2/jdks/* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home "$HOME"/Library/Java/JavaVirtualMachines/*/Contents/Home; do
    if [ -n "$dir" ] && narrow_is_jdk "$dir"; then
      export JAVA_HOME=$dir
      return 0
    fi
  done
  echo "narrow: needs JDK 25 (25.0.3 or a later update of it), and found none: install Temurin 25 (https://adoptium.net, or your package manager), or set JAVA25_HOME to one you have" >&2
  return 1
}

narrow_find_jdk
