# Training in a container: native TensorFlow, for an NVIDIA GPU with its own CUDA 12.5 and cuDNN 9.3 (the host brings the
# driver, 555 or newer, and the NVIDIA container toolkit), or for CPUs only.
#
#     docker build -f docker/train.Dockerfile -t alike:train .
#     docker run --rm --gpus all -v ~/pictures:/pictures:ro -v ~/networks:/networks \
#       -v alike-training:/app/.train/runs alike:train --init onnx/har-resnet50 --data /pictures --name mine
#
#     docker build -f docker/train.Dockerfile --target cpu -t alike:train-cpu .      # the same without --gpus
#
# What training proposes as the next step runs in the same image:
#
#     docker run --rm --entrypoint node -v ~/pictures:/pictures:ro -v ~/networks:/networks alike:train-cpu \
#       dist/src/train/onnx/precisions/main.js --model /networks/mine --data /pictures
#
# ~/networks must be writable for user 1000. The default network is included as a starting point; mount other weights. On a
# GPU, `--backend tensorflow-gpu` refuses to start rather than silently train on the CPU.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
FROM ${NODE_IMAGE} AS base
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ make binutils python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY src/cli/check-install.mjs src/cli/build-native.mjs ./src/cli/
COPY src/engines/embedded/vector-index/native ./src/engines/embedded/vector-index/native
COPY src/pixels/native ./src/pixels/native
COPY clients/typescript/package.json ./clients/typescript/
ENV npm_config_nodedir=/usr/local \
    ONNXRUNTIME_NODE_INSTALL=skip
RUN npm ci && rm -rf node_modules/node-linux-* node_modules/.bin/node
COPY tsconfig.json ./
COPY src ./src
COPY clients/typescript/src ./clients/typescript/src
COPY onnx/har-resnet50 ./onnx/har-resnet50
RUN npm run build:server \
 && install -d -o 1000 -g 1000 /networks .train .train/runs

FROM base AS cpu
# 207 MB of TensorFlow, checked against its pinned version
RUN node dist/src/train/native/setup.js
USER 1000:1000
ENTRYPOINT ["node", "--enable-source-maps", "dist/src/train/main.js", "--backend", "tensorflow", "--out", "/networks", "--work", ".train/runs"]

FROM base AS gpu
# 645 MB of TensorFlow and 1.3 GB of CUDA libraries, checked against their pinned versions
RUN node dist/src/train/native/setup.js --gpu
USER 1000:1000
ENTRYPOINT ["node", "--enable-source-maps", "dist/src/train/main.js", "--backend", "tensorflow-gpu", "--out", "/networks", "--work", ".train/runs"]
