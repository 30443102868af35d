#!/usr/bin/env bash
# Builds the image and checks what is in it, what it says of itself, and that
# it works with no rights at all. There is no need for a container engine or an
# image registry: buildah builds, runc runs, and the base of the build is made
# here, of Debian's packages and this machine's Rust. As root, on Debian.
#
# PROFILE=release is a quicker build than that of a real image, and a larger one, whose size is not checked; STORAGE_DRIVER=vfs
# for where overlays can't be mounted, as on another overlay.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never

PROFILE=${PROFILE:-dist}
MAX_MB=32
DRAIN_SECONDS=30
# In files that must not get into an image.
CANARY="planted-by-image-check"

work=$PWD/target/image-check
image=localhost/vestibule
container=vestibule-image-check

fail() {
  printf 'image-check: %s\n' "$*" >&2
  exit 1
}

ok() {
  printf '  ok  %s\n' "$*"
}

section() {
  printf '\n==== %s (%dm%02ds)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60))
}

# same WHAT WANTED GOT
same() {
  [ "$3" = "$2" ] || fail "$1: wanted $2, got $3"
  ok "$1: $3"
}

install_tools() {
  local missing=() tool
  for tool in buildah debootstrap runc jq curl; do
    # A path: one of them is also a function here.
    [ -n "$(type -P "$tool")" ] || missing+=("$tool")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
}

# Storage of its own, which disturbs no other on this machine.
buildah() {
  command buildah --storage-driver "${STORAGE_DRIVER:-overlay}" --root "$work/storage" --runroot "$work/storage-run" "$@"
}

run_c() {
  runc --root "$work/runc" "$@"
}

# Nothing stays mounted, and target/ can be removed. Layers stay for the next run.
clean_up() {
  run_c delete --force $container 2>/dev/null || true
  buildah rm --all >/dev/null || true
  if mountpoint --quiet "$work/storage/overlay"; then umount "$work/storage/overlay"; fi
}

# What the Dockerfile's own base has, and as little else. Rust is mounted.
make_base() {
  local made directory
  if buildah inspect --type image "$base" >/dev/null 2>&1; then return; fi
  made=$(buildah from scratch)
  directory=$(buildah mount "$made")
  debootstrap --variant=minbase --include=gcc,libc6-dev,ca-certificates "$suite" "$directory" \
    >"$work/debootstrap.log" || fail "debootstrap: see $work/debootstrap.log"
  buildah umount "$made" >/dev/null
  buildah config \
    --env PATH=/usr/local/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --env RUST_VERSION="$rust" --env CARGO_HOME=/usr/local/cargo --env CARGO_NET_OFFLINE=true "$made"
  buildah commit --quiet --rm "$made" "$base" >/dev/null
}

# The checkout as git knows it, and what may lie about beside it.
make_context() {
  local planted
  mkdir "$context"
  git ls-files -z | xargs -0 cp --parents --target-directory "$context"
  for planted in .env .git/config config/production.toml data/vestibule.db \
    secrets/database_url target/dist/vestibule tests/planted.pem; do
    mkdir -p "$context/$(dirname "$planted")"
    echo $CANARY >"$context/$planted"
  done
}

# unpack_layers IMAGE DIRECTORY: its layers, lowest first, as 0.tar, 1.tar, …
unpack_layers() {
  local digest number=0
  buildah push --quiet --disable-compression "$1" "dir:$2" >/dev/null
  while read -r digest; do
    mv "$2/${digest#sha256:}" "$2/$number.tar"
    number=$((number + 1))
  done < <(jq -r '.layers[].digest' "$2/manifest.json")
}

check_context() {
  local planted
  printf 'FROM scratch\nCOPY . /\n' >"$work/context.Dockerfile"
  buildah build --quiet --isolation chroot --file "$work/context.Dockerfile" --tag $image-context "$context" >/dev/null
  unpack_layers $image-context "$work/context-layers"
  mkdir "$work/context-layers/files"
  tar -xf "$work/context-layers/0.tar" -C "$work/context-layers/files"
  planted=$(grep -rl $CANARY "$work/context-layers/files" || true)
  [ -z "$planted" ] || fail "the build gets what .dockerignore should keep away: $planted"
  [ -e "$work/context-layers/files/src/main.rs" ] || fail "the build does not get the sources"
  ok "only what the binary is made of gets to the build"
}

build() {
  # Offline from here on: the build may only use what Cargo.lock names.
  cargo fetch --locked --quiet
  # Else their layers are taken again, with the labels of then.
  buildah images --all --quiet --filter label=org.opencontainers.image.title=Vestibule \
    | while read -r stale; do buildah rmi --force "$stale" >/dev/null 2>&1 || true; done
  buildah build --isolation chroot --format docker --pull-never --layers \
    --build-arg BUILDER="$base" --build-arg PROFILE="$PROFILE" \
    --build-arg VERSION="$version" --build-arg REVISION="$revision" \
    --volume "$toolchain:/usr/local/rust:ro" \
    --volume "${CARGO_HOME:-$HOME/.cargo}/registry:/usr/local/cargo/registry:ro" \
    --tag $image "$context" </dev/null >"$work/build.log" 2>&1 \
    || fail "the build: $(tail -n 20 "$work/build.log")"
  ok "built with profile $PROFILE"

  local again
  again=$(sed -n '/: COPY \. \./,$p' "$work/build.log" | grep -o 'Compiling [^ ]*' | grep -v ' vestibule$' || true)
  [ -z "$again" ] || fail "with each change, the build compiles dependencies: $again"
  ok "the layer of the dependencies has them all"
}

# config FILTER: of what the image says of itself
config() {
  jq -cr ".Docker.config$1" "$work/inspect.json"
}

check_config() {
  buildah inspect --type image $image >"$work/inspect.json"
  same user 65532:65532 "$(config .User)"
  same entrypoint '["vestibule"]' "$(config .Entrypoint)"
  same command '["serve"]' "$(config .Cmd)"
  same ports '{"8080/tcp":{}}' "$(config .ExposedPorts)"
  same volumes '{"/data":{}}' "$(config .Volumes)"
  same "working directory" /data "$(config .WorkingDir)"
  same "health check" '["CMD","vestibule","healthcheck"]' "$(config .Healthcheck.Test)"
  same environment "DATABASE_URL PATH VESTIBULE_LISTEN" \
    "$(config '.Env[]' | cut -d = -f 1 | sort | paste -sd ' ')"
  same title Vestibule "$(config '.Labels["org.opencontainers.image.title"]')"
  same licence Apache-2.0 "$(config '.Labels["org.opencontainers.image.licenses"]')"
  same version "$version" "$(config '.Labels["org.opencontainers.image.version"]')"
  same revision "$revision" "$(config '.Labels["org.opencontainers.image.revision"]')"
}

# Each path in any layer is one of these, so there is no shell, no package
# manager, no source and no secret.
EXPECTED='
data/
etc/
etc/ssl/
etc/ssl/certs/
etc/ssl/certs/ca-certificates\.crt
lib/
lib/[a-z0-9_]+-linux-gnu/
lib/[a-z0-9_]+-linux-gnu/(libc|libgcc_s|libm)\.so\.[0-9]+
lib(64)?/ld-linux-[a-z0-9-]+\.so\.[0-9]+
lib64/
usr/
usr/local/
usr/local/bin/
usr/local/bin/vestibule
'

check_contents() {
  local layer strangers bytes
  unpack_layers $image "$work/layers"
  for layer in "$work"/layers/*.tar; do tar -tf "$layer"; done | sed 's,^\./,,; /^$/d' | sort -u >"$work/paths"
  grep . <<<"$EXPECTED" >"$work/expected"
  strangers=$(grep -vxE --file="$work/expected" "$work/paths" || true)
  [ -z "$strangers" ] || fail "not expected in the image: $strangers"
  sed 's/^/      /' "$work/paths"
  ok "nothing else in any layer"

  if grep -q $CANARY -r "$work/layers"; then fail "a layer or the configuration has a planted secret"; fi
  ok "no planted secret in a layer or in the configuration"

  for layer in "$work"/layers/*.tar; do
    tar --numeric-owner -tvf "$layer"
  done >"$work/listing"
  if grep -vE '^[d-]' "$work/listing"; then fail "neither a file nor a directory"; fi
  if cut -c 1-10 "$work/listing" | grep '[sStT]'; then fail "a set-user-id, set-group-id or sticky bit"; fi
  if grep -vE ' (\./)?data/$' "$work/listing" | grep -E '^.{8}w| 65532/'; then fail "more than /data can be written to"; fi
  same "/data" "drwx------ 65532/65532" "$(awk '$NF ~ /^(\.\/)?data\/$/ { print $1, $2 }' "$work/listing")"

  bytes=$(cat "$work"/layers/*.tar | wc -c)
  if [ "$PROFILE" = dist ]; then
    [ "$bytes" -le $((MAX_MB * 1000000)) ] || fail "it has $bytes bytes, more than $MAX_MB MB"
    ok "size: $(((bytes + 999999) / 1000000)) MB, at most $MAX_MB MB"
  else
    printf '  --  size: %s bytes, which says nothing of a real image\n' "$bytes"
  fi
}

# The bundle has what the image says, the hardening of compose.yaml, and a
# volume that begins, as an engine's do, as the image's own /data.
make_bundle() {
  local layer
  mkdir -p "$bundle/rootfs"
  for layer in "$work"/layers/*.tar; do
    tar --numeric-owner -xpf "$layer" -C "$bundle/rootfs"
  done
  mkdir -p "$bundle/rootfs/proc" "$bundle/rootfs/dev" "$bundle/rootfs/sys"
  cp -a "$bundle/rootfs/data" "$bundle/data"
  runc spec --bundle "$bundle"
  jq --slurpfile image "$work/inspect.json" --arg data "$bundle/data" '
    $image[0].Docker.config as $config
    | .root.readonly = true
    | .process.terminal = false
    | .process.user = ($config.User / ":" | { uid: .[0] | tonumber, gid: .[1] | tonumber })
    | .process.args = $config.Entrypoint + $config.Cmd
    | .process.env = $config.Env
    | .process.cwd = $config.WorkingDir
    | .process.noNewPrivileges = true
    | .process.capabilities = ({ bounding: [], effective: [], permitted: [] })
    | del(.process.rlimits)
    | .mounts |= map(select(.destination | IN("/proc", "/dev", "/dev/pts", "/sys")))
    | .mounts += [{ destination: "/data", type: "bind", source: $data, options: ["bind", "rw", "nosuid", "nodev", "noexec"] }]
  ' "$bundle/config.json" >"$bundle/hardened.json"
  mv "$bundle/hardened.json" "$bundle/config.json"
}

# vestibule ARGUMENT...: as `docker exec` does
vestibule() {
  run_c exec $container vestibule "$@"
}

# ask PATH [CURL ARGUMENT...]: from its own network, where nothing else is
ask() {
  local path=$1
  shift
  nsenter --target "$pid" --net curl --silent --show-error --fail-with-body --max-time 10 "$@" "http://localhost:8080$path"
}

start() {
  run_c run --bundle "$bundle" --pid-file "$work/pid" $container </dev/null >"$work/service.log" 2>&1 &
  runner=$!
  local tries=0
  until pid=$(cat "$work/pid" 2>/dev/null) && ask /readyz >/dev/null 2>&1; do
    kill -0 $runner 2>/dev/null || fail "it ended: $(cat "$work/service.log")"
    tries=$((tries + 1))
    [ $tries -lt 300 ] || fail "not ready in 30 s: $(cat "$work/service.log")"
    sleep 0.1
  done
  ok "ready"
}

# field NAME: of the process as the kernel sees it
field() {
  awk -v name="$1:" '$1 == name { $1 = ""; print substr($0, 2) }' "/proc/$pid/status"
}

check_rights() {
  same "user ids" "65532 65532 65532 65532" "$(field Uid)"
  same "group ids" "65532 65532 65532 65532" "$(field Gid)"
  same "other groups" "" "$(field Groups | tr -d ' ')"
  for set in CapInh CapPrm CapEff CapBnd CapAmb; do
    same $set 0000000000000000 "$(field $set)"
  done
  same "no new privileges" 1 "$(field NoNewPrivs)"
  same "mounts to write to, but for the kernel's own" /data \
    "$(awk '$6 ~ /(^|,)rw(,|$)/ && $5 !~ /^\/(proc|dev)(\/|$)/ { print $5 }' "/proc/$pid/mountinfo" | paste -sd ' ')"
}

check_service() {
  same /healthz '{"status":"ok"}' "$(ask /healthz)"
  vestibule healthcheck || fail "vestibule healthcheck: exit code $?"
  ok "vestibule healthcheck"

  local key made token browser
  vestibule tenant create --name Acme --slug acme >/dev/null
  key=$(vestibule key create --tenant acme --mode live --kind secret | jq -er .key)
  made=$(ask /v1/portal-sessions --header "Authorization: Bearer $key" \
    --json '{"customerExternalId": "acme-001", "permissions": ["api.*.read_key"], "returnUrl": "https://app.example/"}')
  token=$(jq -er .token <<<"$made")
  ok "a tenant, a key and a portal session"
  browser=$(ask /v1/portal-sessions/exchange --json "{\"token\": \"$token\", \"transport\": \"bearer\"}" | jq -er .token)
  same "whom the exchanged session is for" acme-001 \
    "$(ask /v1/portal-session --header "Authorization: Bearer $browser" | jq -er .customerExternalId)"
  if ask /v1/portal-sessions/exchange --json "{\"token\": \"$token\"}" >/dev/null 2>&1; then
    fail "the link was good twice"
  fi
  ok "the link is used up"
  [ -s "$bundle/data/vestibule.db" ] || fail "the database is not in /data"
  ok "the database is in /data"
}

check_writes() {
  local place
  run_c exec --env DATABASE_URL=sqlite:///data/second.db $container vestibule migrate 2>/dev/null \
    || fail "a second database in /data can't be made"
  for place in / /etc /tmp /usr/local/bin; do
    if run_c exec --env DATABASE_URL="sqlite://${place%/}/second.db" $container vestibule migrate 2>/dev/null; then
      fail "a database in $place can be made"
    fi
  done
  ok "a second database can be made in /data and nowhere else"

  # By root, who is let through wherever the mount lets anybody.
  for place in / /etc /usr/local/bin; do
    if touch "/proc/$pid/root${place%/}/written" 2>"$work/touch.err"; then fail "$place can be written to"; fi
    grep -q 'Read-only file system' "$work/touch.err" || fail "$place: $(cat "$work/touch.err")"
  done
  ok "the root file system is read-only, for root as well"
}

check_stop() {
  local began=$SECONDS code=0 watchdog
  run_c kill $container TERM
  (sleep $DRAIN_SECONDS && run_c kill $container KILL) >/dev/null 2>&1 &
  watchdog=$!
  wait $runner || code=$?
  kill $watchdog 2>/dev/null || true
  [ $code = 0 ] || fail "SIGTERM: exit code $code after $((SECONDS - began)) s: $(tail -n 5 "$work/service.log")"
  ok "SIGTERM: exit code 0 after $((SECONDS - began)) s"
}

[ "$(id -u)" = 0 ] || fail "it mounts and unmounts: run it as root"
[[ $(sed -n 's/^ARG BUILDER=//p' Dockerfile) =~ ^rust:([0-9.]+)-slim-([a-z]+)$ ]] || fail "the Dockerfile has another base"
suite=${BASH_REMATCH[2]}
rust=$(rustc --version | cut -d ' ' -f 2)
[[ $rust = "${BASH_REMATCH[1]}."* ]] || fail "the Dockerfile wants Rust ${BASH_REMATCH[1]}, here is $rust"
# With the version in its name, layers of another Rust are not taken for this one's.
base=localhost/vestibule-base:$rust-$suite
toolchain=$(rustc --print sysroot)
revision=$(git rev-parse HEAD)
context=$work/context
bundle=$work/bundle

mkdir -p "$work"
install_tools
version=$(cargo metadata --locked --no-deps --format-version 1 | jq -r '.packages[0].version')
trap clean_up EXIT
# An interrupted run left its own.
clean_up
rm -rf --one-file-system "$context" "$bundle" "$work/context-layers" "$work/layers" "$work/pid"

section "The base of the build"
make_base
ok "$base"
section "What gets to the build"
make_context
check_context
section "Build"
build
section "What it says of itself"
check_config
section "What is in it"
check_contents
section "Started read-only, without capabilities"
make_bundle
start
check_rights
section "It works"
check_service
check_writes
check_stop
section "Done"
