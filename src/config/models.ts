/** Settings: which models are served, and what runs them. */
import { Type } from 'typebox'
import { numberList } from './listed.js'

export const modelSettings = {
  modelDir: Type.String({
    default: './onnx/har-resnet50',
    minLength: 1,
    description: 'Folder of the model, as the training job writes it.',
  }),
  modelsDir: Type.String({
    default: '',
    description:
      'Folder of further models, a folder each, as `POST /v1/models` and `npm run model` install them; none: `models` in the data folder.',
  }),
  modelsOpenMax: Type.Integer({
    default: 2,
    minimum: 1,
    maximum: 64,
    description: 'Models in memory at once; the one that was used least lately makes room for another.',
  }),
  modelIdleSeconds: Type.Integer({
    default: 600,
    minimum: 1,
    maximum: 2_000_000,
    description: 'A model that nobody used for so long is taken out of memory; that of `MODEL_DIR` stays.',
  }),
  modelMaxBytes: Type.Integer({
    default: 2 ** 30,
    minimum: 1_000,
    maximum: 2 ** 40,
    description: 'Bytes of a model that is installed, all files together.',
  }),
  provider: Type.Enum(['auto', 'cpu', 'cuda'], {
    default: 'auto',
    description: 'What runs the model; `auto` takes CUDA where it works.',
  }),
  requireCuda: Type.Boolean({ default: false, description: 'Refuse to start rather than fall back to the CPU.' }),
  embedWorkers: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 256,
    description: 'Threads that run the model, on CUDA for each GPU; 0: one for each core, two for each GPU.',
  }),
  batchMaxSize: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 256,
    description: 'Most pictures in one run of the model; 0: 4 on the CPU, the largest of `CUDA_BATCH_SIZES` on CUDA.',
  }),
  embedQueueMax: Type.Integer({
    default: 256,
    minimum: 1,
    maximum: 100_000,
    description: 'Pictures that may wait for the model; one more is refused.',
  }),
  cudaDevices: Type.String({
    default: '0',
    pattern: numberList('\\d{1,3}', 16),
    accepts: 'up to 16 numbers of GPUs, separated by commas',
    description:
      'GPUs that run the model, each with its own threads: their numbers among those that `CUDA_VISIBLE_DEVICES` leaves visible.',
  }),
  cudaVisibleDevices: Type.String({
    default: '',
    description:
      'GPUs that the driver shows to this process, by number or id, separated by commas; none: all. The driver reads it by itself.',
  }),
  cudaBatchSizes: Type.String({
    default: '1,4,16,64',
    pattern: numberList('(?:[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-6])', 8),
    accepts: 'up to 8 whole numbers from 1 to 256, separated by commas',
    description:
      'Pictures in one run of the model on CUDA: each size has a session of its own in every thread, a batch is padded to the next one.',
  }),
  cudaMemoryMaxBytes: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 2 ** 50,
    description:
      'Memory of each GPU that the model may take; fewer threads are started where all of them would take more, and CUDA is not used where one would. 0: as much as there is.',
  }),
  queryViews: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 4,
    description:
      'Views of a query picture whose embeddings are averaged: the usual one, its mirror image, the picture in the other fit, its mirror image. Costs as many runs of the model.',
  }),
  galleryViews: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 4,
    description: 'The same of a picture that is stored; what is stored already stays as it is.',
  }),
}
