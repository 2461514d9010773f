#!/usr/bin/env bash
# Pins every image in the Dockerfiles and compose files to the current digest of its tag, or renews it. Run it at a release: `docker/pin-digests.sh`.
# Uses the digests of the index, so that each architecture finds its own image. Writes nothing unless all digests are known.
set -euo pipefail
cd "$(dirname "$0")/.."
files=(Dockerfile docker/train.Dockerfile docker/compose.yaml docker/compose.scale.yaml)
# `ARG …_IMAGE=name:tag` and `image: name:tag`, with or without a digest; images built here (`alike:…`) have none
pattern='(ARG [A-Z_]*IMAGE=|^ *image: )[^ @]+:[^ @]+'
images=$(grep -hoE "$pattern" "${files[@]}" | sed -E 's/^ *(ARG [A-Z_]*IMAGE=|image: )//' | grep -v '^alike:' | sort -u)

declare -A digests
for image in $images; do
  digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$image")
  [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "$image has no digest: $digest" >&2; exit 1; }
  digests[$image]=$digest
done
for image in "${!digests[@]}"; do
  sed -E -i "s#((ARG [A-Z_]*IMAGE=|^ *image: )${image//./\\.})(@sha256:[0-9a-f]{64})?\$#\1@${digests[$image]}#" "${files[@]}"
  echo "$image@${digests[$image]}"
done
