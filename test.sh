#!/usr/bin/env bash
# Sets everything up and runs the whole suite: types, lint, format, architecture rules, tests.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=.ci/setup.sh
. .ci/setup.sh
need_node
need_ffmpeg
install_packages
build_dashboard
npm run --silent check
exec npm test --silent -- "$@"
