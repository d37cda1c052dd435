#!/bin/sh
# Adds to the base what the gateway needs of a system: ffmpeg, an init, its user and the folders it writes to.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Node 26 is linked with libatomic, which no base has; ca-certificates: the hub, webhooks and `url` speak TLS.
apt-get install -y -qq --no-install-recommends ca-certificates ffmpeg libatomic1 tini
rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log

# The embedded PostgreSQL refuses a user id without a name.
groupadd --gid 10001 gateway
useradd --uid 10001 --gid gateway --home-dir /data --no-create-home --shell /usr/sbin/nologin gateway

# A new volume gets the owner and mode of these. Open to all, since --user may name another user than the image's;
# what the gateway makes in them is its own alone.
install -d -m 1777 /data /models /logs
