# The gateway's image, for GPUs (target `cuda`, the default) or without (target `cpu`). build_docker.sh builds it;
# why it is as it is: doc/decisions/0013-one-image.md.
# There is no `syntax` line: it would make every build fetch a second image, and nothing here needs it.

# npm runs on this one; nothing of it is shipped.
ARG BUILD_BASE=node:24-bookworm-slim
ARG CUDA_BASE=nvidia/cuda:12.4.1-cudnn-runtime-ubuntu22.04
ARG CPU_BASE=ubuntu:22.04

FROM ${BUILD_BASE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY backend/package.json backend/
COPY frontend/package.json frontend/
COPY tests/package.json tests/

FROM packages AS dashboard
RUN --mount=type=cache,target=/npm-cache npm ci --cache /npm-cache --workspace frontend
COPY tsconfig.base.json ./
COPY backend/src/contract backend/src/contract
COPY frontend frontend
RUN npm run build

# What the gateway needs at run time, the Node that it runs on included.
FROM packages AS dependencies
RUN --mount=type=cache,target=/npm-cache npm ci --cache /npm-cache --omit=dev --workspace backend --include-workspace-root
RUN --mount=type=bind,source=deploy/image,target=/image sh /image/prune.sh /app

# The package's install script fetches the provider; .npmrc makes `npm ci` skip it, so that no other installation does.
FROM dependencies AS dependencies-cuda
ARG ORT_CUDA=1
RUN --mount=type=bind,source=deploy/image,target=/image sh /image/install-cuda-provider.sh /app "${ORT_CUDA}"

# Layers are smaller when what changes with every commit lies in one of its own.
FROM packages AS sources
WORKDIR /sources
COPY LICENSE package.json ./
COPY backend/package.json backend/
COPY backend/src backend/src
COPY starter-models starter-models
COPY --from=dashboard /app/frontend/dist frontend/dist
RUN chmod -R a+rX,go-w /sources

# The two targets differ in their base, their packages and one line of the check. What follows the check is the same text twice:
# a test compares it, since a stage can inherit from one base alone.
FROM ${CPU_BASE} AS cpu
RUN --mount=type=bind,source=deploy/image,target=/image sh /image/install-system.sh
COPY --from=dependencies /app /app
# What ubuntu22.04 has; they belong to the base and change with it.
ARG BASE_VERSIONS="GLIBC_2.35 GLIBCXX_3.4.30 CXXABI_1.3.13"
RUN --mount=type=bind,source=deploy/image,target=/image \
    /app/node_modules/.bin/node /image/check-native-files.ts /app --within "${BASE_VERSIONS}"
COPY --from=sources /sources /app
WORKDIR /app
ENV NODE_ENV=production \
    PATH=/app/node_modules/.bin:$PATH \
    HOME=/data \
    API_HOST=0.0.0.0 \
    API_PORT=8000 \
    DATA_DIR=/data \
    MODEL_CACHE_DIR=/models \
    LOG_DIR=/logs \
    FRONTEND_DIST=/app/frontend/dist \
    CUDA_CACHE_PATH=/data/cuda-cache
VOLUME ["/data", "/models", "/logs"]
EXPOSE 8000
USER 10001:10001
# Half a minute is what loading models at the start may take before a failure counts.
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.API_PORT}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# tini reaps what crashed workers and database servers leave behind, and passes signals on.
ENTRYPOINT ["tini", "--", "node", "--max-semi-space-size=4", "/app/backend/src/main.ts"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Audio Gateway" \
    org.opencontainers.image.description="Self-hosted, OpenAI-compatible audio inference" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.created="${CREATED}"

FROM ${CUDA_BASE} AS cuda
RUN --mount=type=bind,source=deploy/image,target=/image sh /image/install-system.sh
COPY --from=dependencies-cuda /app /app
# What ubuntu22.04 has; they belong to the base and change with it.
ARG BASE_VERSIONS="GLIBC_2.35 GLIBCXX_3.4.30 CXXABI_1.3.13"
ARG ORT_CUDA=1
RUN --mount=type=bind,source=deploy/image,target=/image \
    if [ "${ORT_CUDA}" = 1 ]; then set -- --with libonnxruntime_providers_cuda.so; fi; \
    /app/node_modules/.bin/node /image/check-native-files.ts /app --within "${BASE_VERSIONS}" "$@"
COPY --from=sources /sources /app
WORKDIR /app
ENV NODE_ENV=production \
    PATH=/app/node_modules/.bin:$PATH \
    HOME=/data \
    API_HOST=0.0.0.0 \
    API_PORT=8000 \
    DATA_DIR=/data \
    MODEL_CACHE_DIR=/models \
    LOG_DIR=/logs \
    FRONTEND_DIST=/app/frontend/dist \
    CUDA_CACHE_PATH=/data/cuda-cache
VOLUME ["/data", "/models", "/logs"]
EXPOSE 8000
USER 10001:10001
# Half a minute is what loading models at the start may take before a failure counts.
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.API_PORT}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# tini reaps what crashed workers and database servers leave behind, and passes signals on.
ENTRYPOINT ["tini", "--", "node", "--max-semi-space-size=4", "/app/backend/src/main.ts"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Audio Gateway" \
    org.opencontainers.image.description="Self-hosted, OpenAI-compatible audio inference" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.created="${CREATED}"
