#!/usr/bin/env bash
# Writes the CycloneDX list of the crates that the Linux binary is built from,
# and checks that none is missing. Called by `make sbom`, with the program that
# writes it and where to.
set -euo pipefail
cd "$(dirname "$0")/.."
cyclonedx=$1
sbom=$2
target=x86_64-unknown-linux-gnu

fail() {
  printf 'sbom: %s\n' "$*" >&2
  exit 1
}

command -v jq >/dev/null || fail "it is checked by jq: install that"
# First of all, since this one refuses a Cargo.lock that is not up to date.
built_from=$(cargo tree --locked --target $target --edges normal,build --prefix none --format '{p}' \
  | awk '$1 != "vestibule" { print $1 "@" substr($2, 2) }' | sort -u)

mkdir -p "$(dirname "$sbom")"
# It only writes beside Cargo.toml.
"$cyclonedx" cyclonedx --quiet --format json --spec-version 1.5 --target $target --override-filename sbom-unchecked
mv sbom-unchecked.json "$sbom"

missing=$(comm -23 <(echo "$built_from") <(jq -r '.components[] | "\(.name)@\(.version)"' "$sbom" | sort -u))
[ -z "$missing" ] || fail "not in $sbom: $missing"
bare=$(jq -r '.components[] | select((.licenses | not) or (.hashes | not) or (.purl | not)) | .name' "$sbom")
[ -z "$bare" ] || fail "without a licence, a hash or a purl: $bare"

jq -r --arg file "$sbom" '"\($file): CycloneDX \(.specVersion), \(.metadata.component.name) \(.metadata.component.version), \(.components | length) crates with versions, licences and hashes"' "$sbom"
