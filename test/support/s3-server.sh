#!/usr/bin/env bash
# Starts a real S3 server for the tests that want one, until it is ended, and prints what they read:
#     eval "$(test/support/s3-server.sh)"; npm test; kill "$ALIKE_S3_PID"
# versitygw is installed with Go where it is not on the PATH.
set -euo pipefail
command -v versitygw >/dev/null || GOFLAGS=-mod=mod go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 >&2
PATH="$PATH:$(go env GOPATH 2>/dev/null)/bin"
folder=$(mktemp -d)
port=${ALIKE_S3_PORT:-7070}
ROOT_ACCESS_KEY=alike ROOT_SECRET_KEY=alikealike versitygw --port "127.0.0.1:$port" posix "$folder" >"$folder.log" 2>&1 &
echo "export ALIKE_S3_ENDPOINT=http://127.0.0.1:$port ALIKE_S3_PID=$!"
