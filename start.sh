#!/usr/bin/env bash
# Sets everything up and runs the gateway. Needs Node 20 or newer with npm; ffmpeg is installed where that is allowed.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=.ci/setup.sh
. .ci/setup.sh
need_node
need_ffmpeg
install_packages
build_dashboard
exec npm start --silent
