#!/bin/sh
# Models and routes from openapi.yaml, where the Python that PYTHON names (python3 else) has the generator: `pip install '.[dev]'`.
cd "$(dirname "$0")" || exit 1
python=${PYTHON:-python3}
if "$python" -c 'import datamodel_code_generator, yaml' 2>/dev/null; then exec "$python" generate.py "$@"; fi
echo "clients/python is left as it is: $python has no datamodel-code-generator" >&2
