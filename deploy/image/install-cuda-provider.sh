#!/bin/sh
# install-cuda-provider.sh APP 0|1: with 1, fetches ONNX Runtime's CUDA provider into the installation in APP.
set -eu
app=$1
case $2 in
  0) exit 0 ;;
  1) ;;
  *) echo "ORT_CUDA is 0 or 1, not '$2'" >&2; exit 1 ;;
esac
# The environment wins over .npmrc, where the script is told to skip itself; skipped, it would succeed and do nothing.
ONNXRUNTIME_NODE_INSTALL=cuda12 node "$app/node_modules/onnxruntime-node/script/install.js"
# It brings TensorRT's provider along, which needs libraries that the base has not.
find "$app/node_modules/onnxruntime-node/bin" -name 'libonnxruntime_providers_tensorrt.so' -delete
chmod -R a+rX,go-w "$app/node_modules/onnxruntime-node/bin"
