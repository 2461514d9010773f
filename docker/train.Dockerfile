# Training on an NVIDIA GPU: native TensorFlow with its own CUDA 12.2 and cuDNN 8.9; the host brings the driver
# (525 or newer) and the NVIDIA container toolkit.
#
#     docker build -f docker/train.Dockerfile -t alike:train .
#     docker run --rm --gpus all -v ~/pictures:/pictures:ro -v ~/weights:/weights:ro -v ~/networks:/app/onnx \
#       -v alike-training:/app/.train/runs alike:train --init /weights/resnet50.safetensors --data /pictures --name mine
#
# `--backend tensorflow-gpu` refuses to start rather than train on the CPU unnoticed.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
FROM ${NODE_IMAGE}
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ make binutils python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY src/cli/check-install.mjs ./src/cli/
ENV npm_config_nodedir=/usr/local \
    ONNXRUNTIME_NODE_INSTALL=skip
RUN npm ci && rm -rf node_modules/node-linux-* node_modules/.bin/node
COPY tsconfig.json ./
COPY src ./src
# 475 MB of TensorFlow and 1.6 GB of CUDA libraries, checked against their pinned versions
RUN npx tsc -p tsconfig.json \
 && node dist/src/train/native/setup.js --gpu \
 && install -d -o 1000 -g 1000 onnx .train/runs \
 && chown 1000:1000 .train
USER 1000:1000
ENTRYPOINT ["node", "--enable-source-maps", "dist/src/train/main.js", "--backend", "tensorflow-gpu", "--work", ".train/runs", "--cache", ".train/runs/feature-cache"]
