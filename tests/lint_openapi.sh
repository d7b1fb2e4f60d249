#!/usr/bin/env bash
# The OpenAPI document under the recommended rules of redocly and spectral; warnings fail. Needs node and the network.
# Without node it says so and passes: tests/test_api_document.py holds what the rules ask for.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v npx > /dev/null; then
  echo "    skipped: node is not installed"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
DATA_DIR="$folder" python - "$folder/openapi.json" << 'PYTHON'
import sys
from pathlib import Path

from app import create_app

Path(sys.argv[1]).write_text(create_app().test_client().get("/api/v1/openapi.json").text)
PYTHON
echo 'extends: ["spectral:oas"]' > "$folder/.spectral.yaml"
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
npm install --silent --no-audit --no-fund --prefix "$folder" @redocly/cli@2 @stoplight/spectral-cli@6
cd "$folder"
npx redocly lint --extends recommended-strict openapi.json
npx spectral lint --ruleset .spectral.yaml --fail-severity warn openapi.json
