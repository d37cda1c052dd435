#!/usr/bin/env bash
# Builds the gateway's image: ./build_docker.sh [tag]        (default tag: audio-gateway)
#
#   TARGET             cuda (default) or cpu
#   ORT_CUDA           1: with ONNX Runtime's CUDA provider (default for cuda); 0: without (default for cpu)
#   CUDA_BASE, CPU_BASE, BUILD_BASE    other base images than the Dockerfile's
#   BASE_VERSIONS      what such a base has, e.g. "GLIBC_2.39 GLIBCXX_3.4.33 CXXABI_1.3.15"
#   DOCKER             the program, e.g. podman or "sudo docker" (default: docker)
#   DOCKER_BUILD_ARGS  more arguments for its `build`, e.g. "--no-cache"
#
# The CUDA provider is fetched from the NuGet gallery; the build fails unless every library that it needs is there.
set -euo pipefail
cd "$(dirname "$0")"

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

tag=${1:-audio-gateway}
target=${TARGET:-cuda}
case $target in
  cuda) ort_cuda=${ORT_CUDA:-1} ;;
  cpu) ort_cuda=${ORT_CUDA:-0} ;;
  *) fail "TARGET is cuda or cpu, not '$target'" ;;
esac
[ "$target/$ort_cuda" != cpu/1 ] || fail 'The cpu target has no CUDA libraries: ORT_CUDA=1 needs TARGET=cuda'
case $ort_cuda in 0 | 1) ;; *) fail "ORT_CUDA is 0 or 1, not '$ort_cuda'" ;; esac
read -r -a docker <<<"${DOCKER:-docker}"
read -r -a more <<<"${DOCKER_BUILD_ARGS:-}"

arguments=(--build-arg "ORT_CUDA=$ort_cuda")
for name in BUILD_BASE CUDA_BASE CPU_BASE BASE_VERSIONS; do
  [ -z "${!name:-}" ] || arguments+=(--build-arg "$name=${!name}")
done
# What the labels tell.
arguments+=(--build-arg "VERSION=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)")
arguments+=(--build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)")
arguments+=(--build-arg "CREATED=$(date -u +%Y-%m-%dT%H:%M:%SZ)")
# Podman's own image format has no health check.
case ${docker[*]} in *podman) arguments+=(--format docker) ;; esac

# Needed by Docker before 23 alone.
export DOCKER_BUILDKIT=1
"${docker[@]}" build --target "$target" "${arguments[@]}" ${more[@]+"${more[@]}"} --tag "$tag" .
printf 'Built %s (%s, ORT_CUDA=%s). Run it: ./run_docker.sh %s\n' "$tag" "$target" "$ort_cuda" "$tag"
