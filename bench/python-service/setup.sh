#!/usr/bin/env bash
# Installs the dependencies of the Python service into .work/python-service, for bench/beside-python.ts.
set -euo pipefail
cd "$(dirname "$0")/../.."
python3 -m venv .work/python-service
.work/python-service/bin/pip install --quiet --requirement bench/python-service/requirements.txt
