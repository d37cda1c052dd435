#!/bin/sh
# prune.sh APP: removes from the installation in APP what only other machines, or builds, need (some 350 MB).
set -eu
cd "$1"
arch=$(node -p process.arch)
modules=node_modules

# Links to workspaces, of which the image has but one, by its path.
rm -rf "$modules/@audio-gateway" frontend tests package-lock.json .npmrc
# Node's headers, manuals and npm: the gateway needs the program.
find "$modules"/node-linux-* -mindepth 1 -maxdepth 1 ! -name bin ! -name package.json ! -name LICENSE -exec rm -rf {} +
# ONNX Runtime comes for every platform at once.
find "$modules/onnxruntime-node/bin" -mindepth 2 -maxdepth 2 ! -name linux -exec rm -rf {} +
find "$modules/onnxruntime-node/bin" -mindepth 3 -maxdepth 3 ! -name "$arch" -exec rm -rf {} +
# What extensions are built and tested with.
rm -rf "$modules"/@embedded-postgres/*/native/lib/postgresql/pgxs
# Server-side Perl, Python and Tcl, for libraries of other systems.
find "$modules"/@embedded-postgres -name '*plperl*.so' -delete -o -name '*plpython*.so' -delete -o -name 'pltcl*.so' -delete

chmod -R a+rX,go-w .
