"""What schemathesis does not bring: lines of JSON as a body, here one line."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    return value if isinstance(value, bytes) else (json.dumps(value) + "\n").encode()
