#!/usr/bin/env bash
# Installs what `make test` needs beyond the Rust toolchain: programs from
# Debian, and what the folders under tests/ and sdk/ ask for from npm and PyPI. Run
# again, it finds everything in place and returns within a second.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_debian_packages() {
  local missing=()
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
  [ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
  compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || missing+=(libfaketime)
  [ -x /usr/bin/chromium ] || missing+=(chromium)
  # Without it, the pictures of the Japanese pages show boxes.
  [ -d /usr/share/fonts/opentype/noto ] || missing+=(fonts-noto-cjk)
  [ ${#missing[@]} -gt 0 ] || return 0

  echo "Installing from Debian: ${missing[*]}"
  # The tests start these programs themselves, on ports of their own; as
  # services they would only be in the way.
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
    trap "as_root rm -f $policy" EXIT
  fi
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
}

install_npm_packages() {
  local manifest folder
  for manifest in tests/*/package.json sdk/*/package.json; do
    [ -e "$manifest" ] || continue
    folder=$(dirname "$manifest")
    # npm writes this file last, so an interrupted installation is repeated.
    [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && continue
    echo "Installing from npm: $folder"
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
    touch "$folder/node_modules/.package-lock.json"
  done
}

install_python_packages() {
  local requirements python stamp
  requirements=(tests/*/requirements.txt)
  [ -e "${requirements[0]}" ] || return 0
  python=.tools/python
  stamp=$python/installed
  cat "${requirements[@]}" | cmp -s - "$stamp" && return 0

  echo "Installing from PyPI: ${requirements[*]}"
  # Made anew, since a virtual environment doesn't survive a move.
  python3 -m venv --clear $python
  "$python/bin/pip" install -q --disable-pip-version-check "${requirements[@]/#/-r}"
  cat "${requirements[@]}" >"$stamp"
}

install_debian_packages
install_npm_packages
install_python_packages
