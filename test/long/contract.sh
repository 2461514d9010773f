#!/usr/bin/env bash
# Fuzzes every operation of openapi.yaml against a started service, with schemathesis in a virtual
# environment of its own. Not part of `npm test`: it needs Python 3.10 and the package index.
#
#     npm run build && test/long/contract.sh        # SEED=2 EXAMPLES=100 WORK=/tmp/contract …
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

version=4.32.5
seed=${SEED:-1}
examples=${EXAMPLES:-50}
work=${WORK:-$(mktemp -d)}
port=${PORT:-18099}
mkdir -p "$work"

if ! "$work/venv/bin/schemathesis" --version 2>/dev/null | grep -q "$version"; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet "schemathesis==$version"
fi

rm -rf "$work/data"
PORT=$port DATA_DIR="$work/data" LOG_LEVEL=info UPLOAD_MAX_BYTES=200000 SEARCH_MAX_K=1000 INGEST_JOBS_MAX=10000 \
  node --enable-source-maps dist/src/main.js >"$work/service.log" 2>&1 &
service=$!
trap 'kill "$service" 2>/dev/null || true' EXIT
url=http://127.0.0.1:$port
for _ in $(seq 300); do curl -sf "$url/readyz" >/dev/null && break; sleep 0.2; done

# What the contract's own examples speak of, so that they find something.
curl -sf -X PUT "$url/v1/galleries/holidays" >/dev/null
for id in cycling%2FImage_12.jpg running%2FImage_1.jpg; do
  curl -sf -X PUT --data-binary @onnx/har-resnet50/golden/rings.png -H 'content-type: image/png' \
    "$url/v1/galleries/holidays/images/$id?label=cycling" >/dev/null
done

status=0
(cd "$work" && SCHEMATHESIS_HOOKS="$root/test/long/schemathesis_hooks.py" venv/bin/schemathesis --config-file "$root/test/long/schemathesis.toml" run "$root/openapi.yaml" --url "$url" --seed "$seed" --max-examples "$examples" \
  --workers 2 --report json --report-dir report --continue-on-failure --request-timeout 60 --no-color) || status=$?

# What the tool can not see: the service is alive, and nothing in its log is an error of ours.
curl -sf "$url/livez" >/dev/null || { echo 'the service is not alive'; status=1; }
if grep -E '"level":(50|60)' "$work/service.log" | grep -v '"msg":"job failed"' | head -5 | grep .; then echo 'the log has errors'; status=1; fi
exit "$status"
