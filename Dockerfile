# Alike as one container. Targets: `cpu` (the default) and `cuda` (NVIDIA, x86-64).
#
#     docker build -t alike .
#     docker build --target cuda -t alike:cuda .
#
# CUDA version: this version of ONNX Runtime's GPU libraries is linked against CUDA 13 and loads cuDNN 9,
# despite the name in the install script's manifest. The cuda target checks this during the build.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:13.0.2-cudnn-runtime-ubuntu24.04

# ---- compiler: for the addons
FROM ${NODE_IMAGE} AS compiler
# The base image fixes the Debian release; its mirrors drop point versions, so pinning them breaks builds.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY src/cli/check-install.mjs src/cli/build-native.mjs ./src/cli/
COPY src/engines/embedded/vector-index/native ./src/engines/embedded/vector-index/native
COPY src/pixels/native ./src/pixels/native
COPY clients/typescript/package.json ./clients/typescript/

# ---- dependencies: runtime dependencies, without binaries for other systems
FROM compiler AS dependencies
# No package needs its install script. The addons are compiled twice, portably and for AVX2; the service chooses at start (ADR 0018).
RUN npm ci --omit=dev --ignore-scripts \
 && node src/cli/check-install.mjs \
 && find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 \
      ! -path "*/linux/$(node -p process.arch)" -exec rm -rf {} + \
 && find node_modules/better-sqlite3/prebuilds -type f ! -name "linux-$(node -p process.arch).node" -delete \
 && find node_modules/hnswlib-node/build -type f ! -name '*.node' -delete \
 && rm -rf node_modules/better-sqlite3/deps node_modules/better-sqlite3/src node_modules/hnswlib-node/src \
      node_modules/node-linux-* node_modules/.bin/node

# ---- build: TypeScript to JavaScript, and the console; nothing but dist/ leaves this stage
FROM compiler AS build
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY clients/typescript/src ./clients/typescript/src
RUN npm run build

# ---- dependencies for CUDA: ONNX Runtime's own install script fetches the provider libraries
FROM dependencies AS cuda-dependencies
# Libraries of a different release than the package would be refused on the GPU machine, or worse, accepted.
RUN node -e "const { version } = require('./node_modules/onnxruntime-node/package.json'), { nuget } = require('./node_modules/onnxruntime-node/script/install-metadata-versions.js'); if (nuget.some((one) => one.version !== version)) throw new Error('the CUDA library is not of release ' + version)"
RUN ONNXRUNTIME_NODE_INSTALL=true node node_modules/onnxruntime-node/script/install \
 && rm -f node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_tensorrt.so

# ---- cuda: the service on an NVIDIA GPU; run with `--gpus all`
FROM ${CUDA_IMAGE} AS cuda
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
COPY --from=compiler /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=cuda-dependencies /app/node_modules ./node_modules
# Otherwise a missing library would only be noticed on the GPU machine. The driver's libcuda.so.1
# comes from the host; cuDNN is loaded by name, so ldd does not list it.
RUN ldd node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so > /tmp/linked \
 && ! grep 'not found' /tmp/linked | grep -v 'libcuda\.so\.1 ' \
 && ldconfig -p | grep 'libcudnn\.so\.9 ' > /dev/null \
 && rm /tmp/linked \
 && install -d -m 700 -o 1000 -g 1000 /data
COPY package.json LICENSE LICENSES.md ./
COPY docker/healthcheck.mjs ./docker/
COPY onnx/har-resnet50 ./onnx/har-resnet50
COPY onnx/har-lite0 ./onnx/har-lite0
COPY --from=build /app/dist/src ./dist/src
COPY --from=build /app/dist/clients ./dist/clients
COPY --from=build /app/dist/console ./dist/console
COPY --from=build /app/dist/node_modules ./dist/node_modules
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    DATA_DIR=/data \
    PROVIDER=cuda \
    UV_THREADPOOL_SIZE=8 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    MALLOC_TRIM_THRESHOLD_=1048576
USER 1000:1000
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 CMD ["node", "docker/healthcheck.mjs"]
CMD ["node", "--enable-source-maps", "dist/src/main.js"]

# ---- cpu: the service on any machine; last, so that it is the default
FROM ${NODE_IMAGE} AS cpu
WORKDIR /app
RUN install -d -m 700 -o 1000 -g 1000 /data
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE LICENSES.md ./
COPY docker/healthcheck.mjs ./docker/
COPY onnx/har-resnet50 ./onnx/har-resnet50
COPY onnx/har-lite0 ./onnx/har-lite0
COPY --from=build /app/dist/src ./dist/src
COPY --from=build /app/dist/clients ./dist/clients
COPY --from=build /app/dist/console ./dist/console
COPY --from=build /app/dist/node_modules ./dist/node_modules
# UV_THREADPOOL_SIZE: each picture being decoded occupies one thread of libuv's pool.
# MALLOC_…: returns a large picture's memory at once; otherwise each of those threads keeps tens of megabytes.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    DATA_DIR=/data \
    PROVIDER=cpu \
    UV_THREADPOOL_SIZE=8 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    MALLOC_TRIM_THRESHOLD_=1048576
USER 1000:1000
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["node", "docker/healthcheck.mjs"]
CMD ["node", "--enable-source-maps", "dist/src/main.js"]
