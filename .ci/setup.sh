# Shared by start.sh and test.sh: what must be there before anything runs. Sourced, never run by itself.

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

need_node() {
  command -v npm >/dev/null 2>&1 || fail 'Node 20 or newer with npm is needed; on Debian: sudo apt-get install -y nodejs npm'
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
    fail "Node 20 or newer is needed, this is $(node --version)"
}

# Runs apt-get when that needs no password: as root, or with sudo that does not ask.
apt_install() {
  command -v apt-get >/dev/null 2>&1 || return 1
  local run=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null || return 1
    run=(sudo -n)
  fi
  "${run[@]}" apt-get update -qq >/dev/null && "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

need_ffmpeg() {
  command -v "${FFMPEG_PATH:-ffmpeg}" >/dev/null 2>&1 && command -v "${FFPROBE_PATH:-ffprobe}" >/dev/null 2>&1 && return
  printf 'Installing ffmpeg …\n' >&2
  apt_install ffmpeg || fail 'ffmpeg is needed. Type this, then start again: sudo apt-get install -y ffmpeg'
}

# A lockfile newer than what is installed means that the installation is not the one it describes.
install_packages() {
  if [ -f node_modules/.package-lock.json ] && [ ! package-lock.json -nt node_modules/.package-lock.json ]; then return; fi
  printf 'Installing packages …\n' >&2
  npm ci --no-fund --no-audit --loglevel=error
}

build_dashboard() {
  if [ -f frontend/dist/index.html ] && [ -z "$(find frontend backend/src/contract -newer frontend/dist/index.html -type f -not -path '*/node_modules/*' -not -path 'frontend/dist/*' | head -n 1)" ]; then return; fi
  printf 'Building the dashboard …\n' >&2
  npm run --silent build
}
