#!/usr/bin/env bash
# Runs the gateway's image as a container that comes back after a reboot: ./run_docker.sh [tag]     (default: audio-gateway)
# A container of the same name is replaced; the data stays.
#
#   HOST_PORT          port on this machine (default 8000)
#   HOST_BIND_ADDRESS  address on this machine (default 127.0.0.1; 0.0.0.0 lets others in)
#   ADVERTISED_HOSTS   names or addresses that clients will use, comma-separated; printed at the end. Default: this
#                      machine's, when HOST_BIND_ADDRESS lets others in. Docker's own addresses are left out.
#   GPUS               all, none, or a list of indices or UUIDs: 0,3 (default: all where there is an nvidia-smi, else none)
#   MODEL_CACHE_DIR    folder of models on this machine (default ./model_cache)
#   DATA_DIR, LOG_DIR  folders (with a slash) or names of volumes (default audio-gateway-data, audio-gateway-logs)
#   RUN_AS             uid:gid to run as (default: yours; for root, 10001:10001). It must own the folders.
#   MEMORY_LIMIT       most memory of the container, e.g. 64g (default: no limit)
#   CONTAINER_NAME     default audio-gateway
#   START_SECONDS      how long it may take to become healthy (default 180)
#   DOCKER             the program, e.g. podman or "sudo docker" (default: docker)
#   DOCKER_RUN_ARGS    more arguments for its `run`, e.g. "--network proxy"
#
# The gateway's own settings (doc/configuration.md), such as OPENAI_API_KEYS, HUGGINGFACE_TOKEN, LAZY_LOAD_MODELS and
# LOG_LEVEL, are taken from the environment. They travel in a file that only you can read and that is gone after the
# start, never on a command line.
set -euo pipefail
cd "$(dirname "$0")"

# The settings that mean inside of the container what they mean outside: all but paths, and the address it listens on.
SETTINGS=(
  OPENAI_API_KEYS ADMIN_API_KEYS METRICS_TOKEN CORS_ORIGINS TRUST_PROXY DATABASE_URL LOG_FILE_NAME LOG_LEVEL HF_ENDPOINT
  HUGGINGFACE_TOKEN HF_TOKEN LAZY_LOAD_MODELS PRELOAD_MODELS AUTO_DOWNLOAD_MODELS MODEL_ALIASES MODEL_DTYPES
  COLD_START_WAIT_SECONDS MODEL_IDLE_TIMEOUT_SECONDS MODEL_LOAD_TIMEOUT_SECONDS WORKER_HUNG_SECONDS ALLOW_CPU_FALLBACK
  MEMORY_MARGIN_MB GPU_POLL_SECONDS CPU_THREADS_PER_REPLICA MAX_QUEUE_PER_REPLICA
  REQUEST_TIMEOUT_SECONDS SYNC_MAX_SECONDS JOB_CONCURRENCY JOB_MAX_ATTEMPTS URL_ALLOWED_HOSTS URL_TIMEOUT_SECONDS
  JOB_RETENTION_DAYS UPLOAD_RETENTION_HOURS SHUTDOWN_GRACE_SECONDS MAX_FILE_SIZE_MB MAX_AUDIO_SECONDS MAX_DECODED_MB
  MAX_CONCURRENT_UPLOADS MIN_FREE_DISK_MB WEBHOOK_TIMEOUT_SECONDS WEBHOOK_ALLOW_PRIVATE
)

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

tag=${1:-audio-gateway}
port=${HOST_PORT:-8000}
bind=${HOST_BIND_ADDRESS:-127.0.0.1}
models=${MODEL_CACHE_DIR:-./model_cache}
data=${DATA_DIR:-audio-gateway-data}
logs=${LOG_DIR:-audio-gateway-logs}
name=${CONTAINER_NAME:-audio-gateway}
read -r -a docker <<<"${DOCKER:-docker}"
read -r -a more <<<"${DOCKER_RUN_ARGS:-}"
case ${docker[*]} in *podman) podman=yes ;; *) podman=no ;; esac
[[ $port =~ ^[0-9]{1,5}$ && $port -ge 1 && $port -le 65535 ]] || fail "HOST_PORT is a port, not '$port'"
for number in SHUTDOWN_GRACE_SECONDS START_SECONDS; do
  [[ ${!number:-0} =~ ^[0-9]+$ ]] || fail "$number is a number of seconds, not '${!number}'"
done
[[ ${GPUS:-} =~ ^[A-Za-z0-9,-]*$ ]] || fail "GPUS is all, none or a list such as 0,3, not '$GPUS'"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# --- Who it runs as: somebody who may write to the folders, and never root.
image_user=10001:10001
if [ -n "${RUN_AS:-}" ]; then user=$RUN_AS
elif [ "$(id -u)" -ne 0 ]; then user=$(id -u):$(id -g)
else user=$image_user
fi
[[ $user =~ ^[1-9][0-9]*:[0-9]+$ ]] || fail "RUN_AS is uid:gid of a user other than root, not '$user'"

# Prints the mount of a folder of this machine, which is made where it is missing.
mount_folder() { # folder, path inside
  if [ ! -d "$1" ]; then
    mkdir -p "$1"
    [ "$(id -u)" -ne 0 ] || chown "$user" "$1"
  fi
  local folder owner
  folder=$(cd "$1" && pwd -P)
  owner=$(stat -c %u "$folder")
  if [ "$owner" != "${user%:*}" ] && [[ ! $(stat -c %a "$folder") =~ [2367]$ ]] && ! shared_with_group "$folder"; then
    fail "$folder belongs to the user id $owner, and the gateway would run as $user. Either: chown -R $user '$folder'. Or: RUN_AS=$(stat -c %u:%g "$folder")"
  fi
  printf '%s:%s\n' "$folder" "$2"
}

# Whether the group that the container gets may write to the folder.
shared_with_group() {
  [ "$(stat -c %g "$1")" = "${user#*:}" ] && [[ $(stat -c %a "$1") =~ [2367].$ ]]
}

# A name is a volume, a path a folder.
mount_data() { # volume or folder, path inside
  case $1 in
    */*) mount_folder "$1" "$2" ;;
    *) printf '%s:%s\n' "$1" "$2" ;;
  esac
}

models_mount=$(mount_folder "$models" /models)
data_mount=$(mount_data "$data" /data)
logs_mount=$(mount_data "$logs" /logs)

arguments=(
  --detach --name "$name" --restart unless-stopped
  --publish "$([[ $bind == *:* ]] && echo "[$bind]" || echo "$bind"):$port:8000"
  --read-only --tmpfs "/tmp:rw,nosuid,nodev,mode=1777"
  --cap-drop ALL --security-opt no-new-privileges --pids-limit 16384
  # Longer than SHUTDOWN_GRACE_SECONDS: the database has to end after the last request.
  --stop-timeout $((${SHUTDOWN_GRACE_SECONDS:-30} + 15))
  --volume "$models_mount" --volume "$data_mount" --volume "$logs_mount"
)
[ -z "${MEMORY_LIMIT:-}" ] || arguments+=(--memory "$MEMORY_LIMIT" --memory-swap "$MEMORY_LIMIT")

if [ "$podman" = yes ]; then
  # It names unknown users in /etc/passwd by itself.
  [ "$(id -u)" -eq 0 ] || arguments+=(--userns keep-id)
  arguments+=(--user "$user")
else
  # Docker's default log files grow without end.
  arguments+=(--log-driver local)
  if [ "$user" != "$image_user" ]; then
    # The database refuses to run as a user id without a name, and the root of the container is read-only.
    state=${XDG_STATE_HOME:-$HOME/.local/state}/audio-gateway
    mkdir -p "$state"
    printf '%s\n' 'root:x:0:0:root:/root:/usr/sbin/nologin' "gateway:x:$user::/data:/usr/sbin/nologin" >"$state/$name.passwd"
    chmod 644 "$state/$name.passwd"
    arguments+=(--user "$user" --volume "$state/$name.passwd:/etc/passwd:ro")
  fi
fi

# --- GPUs
gpus=${GPUS:-$(command -v nvidia-smi >/dev/null 2>&1 && echo all || echo none)}
if [ "$gpus" = none ]; then
  # Where NVIDIA's runtime is the default one, the base image's own `all` would count.
  arguments+=(--env NVIDIA_VISIBLE_DEVICES=void)
elif [ "$podman" = yes ]; then
  IFS=, read -r -a ids <<<"$gpus"
  for id in "${ids[@]}"; do arguments+=(--device "nvidia.com/gpu=$id"); done
elif [ "$gpus" = all ]; then
  arguments+=(--gpus all)
else
  # Docker reads the value as CSV: the quotes keep the list in one field.
  arguments+=(--gpus "\"device=$gpus\"")
fi

# --- Settings, secrets among them
settings=$scratch/settings
(umask 077 && : >"$settings")
for setting in "${SETTINGS[@]}"; do
  value=${!setting:-}
  [ -n "$value" ] || continue
  [[ $value != *$'\n'* ]] || fail "$setting has a line break"
  printf '%s=%s\n' "$setting" "$value" >>"$settings"
done
arguments+=(--env-file "$settings")

# --- Start
if "${docker[@]}" container inspect "$name" >/dev/null 2>&1; then
  printf 'Replacing the container %s …\n' "$name"
  "${docker[@]}" stop "$name" >/dev/null
  "${docker[@]}" rm "$name" >/dev/null
fi
"${docker[@]}" run "${arguments[@]}" ${more[@]+"${more[@]}"} "$tag" >/dev/null
rm "$settings"

gave_up=$((SECONDS + ${START_SECONDS:-180}))
until state=$("${docker[@]}" inspect --format '{{.State.Status}} {{with .State.Health}}{{.Status}}{{end}}' "$name") && [ "$state" = 'running healthy' ]; do
  if [[ $state != running* ]] || [ $SECONDS -ge $gave_up ]; then
    "${docker[@]}" logs --tail 20 "$name" >&2 || true
    fail "The gateway is not healthy: $state. Its last lines are above; the container is $name."
  fi
  sleep 0.5
done

# --- Where it is
# Subnets of Docker's networks: nobody else can use an address in them.
docker_subnets() {
  local networks
  networks=$("${docker[@]}" network ls --quiet 2>/dev/null) || return 0
  # shellcheck disable=SC2086 # one argument for each
  [ -z "$networks" ] || "${docker[@]}" network inspect --format '{{range .IPAM.Config}}{{println .Subnet}}{{end}}' $networks 2>/dev/null || true
}

ipv4_number() {
  local a b c d
  IFS=. read -r a b c d <<<"$1"
  echo $(((a << 24) + (b << 16) + (c << 8) + d))
}

is_ipv4() { [[ $1 =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}$ ]]; }

in_subnet() { # address, subnet
  is_ipv4 "$1" && is_ipv4 "${2%/*}" || return 1
  local bits=${2#*/}
  [ $(($(ipv4_number "$1") >> (32 - bits))) -eq $(($(ipv4_number "${2%/*}") >> (32 - bits))) ]
}

is_docker_internal() { # name or address
  local subnet
  case $1 in *.docker.internal) return 0 ;; esac
  # The first is that of Docker's default bridge, for when the networks cannot be listed.
  for subnet in 172.17.0.0/16 $subnets; do
    ! in_subnet "$1" "$subnet" || return 0
  done
  return 1
}

subnets=$(docker_subnets)
case $bind in
  0.0.0.0 | ::) hosts=127.0.0.1,${ADVERTISED_HOSTS:-$(hostname),$(hostname -I 2>/dev/null | tr ' ' ,)} ;;
  *) hosts=$bind,${ADVERTISED_HOSTS:-} ;;
esac
printf '\nThe gateway runs as the container %s (GPUs: %s):\n' "$name" "$gpus"
IFS=, read -r -a hosts <<<"$hosts"
for host in "${hosts[@]}"; do
  host=${host//[[:space:]]/}
  if [ -z "$host" ] || is_docker_internal "$host"; then continue; fi
  printf '  http://%s:%s\n' "$([[ $host == *:* ]] && echo "[$host]" || echo "$host")" "$port"
done

if "${docker[@]}" exec "$name" test -f /data/initial-admin-key; then
  printf 'The first admin key: %s exec %s cat /data/initial-admin-key\n' "${docker[*]}" "$name"
  printf 'Note it, then delete it: %s exec %s rm /data/initial-admin-key\n' "${docker[*]}" "$name"
fi
[ -n "${OPENAI_API_KEYS:-}" ] || printf '/v1 needs a key: set OPENAI_API_KEYS, or make one with the admin key.\n'
printf 'Logs: %s logs -f %s      Stop: %s stop %s\n' "${docker[*]}" "$name" "${docker[*]}" "$name"
