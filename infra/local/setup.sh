#!/usr/bin/env bash
# Makes .venv and what else running (`run`) or testing (`dev`) Steno on this machine needs. Quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/../.."

die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
say() { printf 'setup: %s\n' "$*" >&2; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs quietly; what the command said is shown only when it failed.
quietly() { "$@" >"$log" 2>&1 </dev/null || { cat "$log" >&2; return 1; }; }

admin() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
  else return 1; fi
}

# Debian packages, where this machine has apt-get and we may use it; otherwise says what the person has to do.
apt_install() {
  local why=$1; shift
  say "installing $* ($why)"
  if command -v apt-get >/dev/null && admin true; then
    export DEBIAN_FRONTEND=noninteractive
    quietly admin apt-get update -q && quietly admin apt-get install -q -y --no-install-recommends "$@" && return 0
  fi
  say "could not install $*, needed for $why: run 'apt-get install $*' as root, or install it another way"
  return 1
}

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    command -v "$name" >/dev/null || continue
    "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null || continue
    echo "$name"; return 0
  done
  return 1
}

# True when the packages of this lock, in this place, are what was installed last.
installed() { [ "$(cat ".venv/.installed-$1" 2>/dev/null)" = "$2" ]; }

fingerprint() { { pwd; .venv/bin/python --version; cat pyproject.toml "$1"; } | cksum; }

install_packages() {
  local stage=$1 lock=$2 print
  print=$(fingerprint "$lock")
  if installed "$stage" "$print"; then return 0; fi
  say "installing the packages of $lock"
  # The hashes of the lock hold whatever the machine's pip configuration says about where packages come from.
  quietly .venv/bin/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r "$lock" ||
    die "the packages of $lock could not be installed (see above); check the network, then run this again"
  quietly .venv/bin/python -m pip install --disable-pip-version-check --no-deps --no-index --no-build-isolation -e . ||
    die "steno itself could not be installed into .venv (see above)"
  echo "$print" >".venv/.installed-$stage"
}

make_venv() {
  if [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1; then return 0; fi
  local python
  python=$(find_python) || die "Steno needs Python 3.11 or newer; on Debian: apt-get install python3 python3-venv"
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    apt_install "Python's virtual environments" python3-venv ||
      die "$python cannot make virtual environments; on Debian: apt-get install python3-venv"
  fi
  say "making .venv with $("$python" --version)"
  "$python" -m venv --clear .venv || die "$python -m venv failed (see above)"
}

setup_run() {
  make_venv
  # The packages of the dev lock are these and more.
  if ! installed dev "$(fingerprint requirements-dev.lock)"; then install_packages run requirements.lock; fi
  .venv/bin/python -m infra.models
}

setup_dev() {
  install_packages dev requirements-dev.lock
  # What cannot be installed is named here, and again by the check or the tests that need it, which then fail.
  command -v npm >/dev/null || apt_install "type checks of the recorder page" nodejs npm || true
  if command -v npm >/dev/null && ! cmp -s package-lock.json node_modules/.installed-lock; then
    say "installing the packages of package-lock.json"
    if quietly npm ci --no-audit --no-fund --ignore-scripts; then cp package-lock.json node_modules/.installed-lock
    else say "TypeScript could not be installed (see above); 'make check' will say so again"; fi
  fi
  command -v chromium >/dev/null || apt_install "the browser tests" chromium || true
}

case "${1:-}" in
  run) setup_run ;;
  dev) setup_dev ;;
  *) die "usage: $0 run|dev" ;;
esac
