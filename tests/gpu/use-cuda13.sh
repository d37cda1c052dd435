#!/bin/sh
# For a machine whose CUDA is 13: puts onnxruntime-node 1.30.0 into this checkout's node_modules, with the CUDA provider of
# the Python package onnxruntime-gpu 1.30.0 (npm's 1.30.0 would fetch the provider for CUDA 12). `npm ci` undoes it.
#
#   tests/gpu/use-cuda13.sh             CUDA 13 and cuDNN 9 are installed on the machine
#   tests/gpu/use-cuda13.sh libraries   they come from Python packages as well (1.5 GB), into node_modules/.cuda13
#
# It downloads with npm and with the pip of $PYTHON (default python3), and prints the LD_LIBRARY_PATH that is needed.
set -eu
version=1.30.0
cd "$(dirname "$0")/../.."
modules=$(pwd)/node_modules
python=${PYTHON:-python3}
folder=$modules/.cuda13
rm -rf "$folder"
mkdir -p "$folder/npm"

for name in onnxruntime-node onnxruntime-common; do
  tarball=$(cd "$folder/npm" && npm pack --silent "$name@$version")
  rm -rf "${modules:?}/$name"
  mkdir "$modules/$name"
  tar -xzf "$folder/npm/$tarball" --strip-components=1 -C "$modules/$name"
done

"$python" -m pip install --quiet --no-deps --target "$folder/python" "onnxruntime-gpu==$version"
for library in cuda shared; do
  cp "$folder/python/onnxruntime/capi/libonnxruntime_providers_$library.so" "$modules/onnxruntime-node/bin/napi-v6/linux/x64/"
done

if [ "${1:-}" = libraries ]; then
  "$python" -m pip install --quiet --target "$folder/libraries" \
    'nvidia-cuda-runtime~=13.0' 'nvidia-cuda-nvrtc~=13.0' 'nvidia-cufft~=12.0' 'nvidia-curand~=10.0' nvidia-cublas 'nvidia-cudnn-cu13~=9.0'
  cudnn=$folder/libraries/nvidia/cudnn/lib
  # The provider looks for cuDNN at run time, by this name too.
  [ -e "$cudnn/libcudnn.so" ] || ln -s libcudnn.so.9 "$cudnn/libcudnn.so"
  echo "export LD_LIBRARY_PATH=$folder/libraries/nvidia/cu13/lib:$cudnn"
fi
