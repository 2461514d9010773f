/** Settings: the served models, and what runs them. */
import { Type } from 'typebox'
import { numberList } from './listed.js'

export const modelSettings = {
  modelDir: Type.String({
    default: './onnx/har-resnet50',
    minLength: 1,
    description: 'Folder of the default model, as written by training or an import.',
  }),
  modelsDir: Type.String({
    default: '',
    description:
      'Folder of further models, one folder each, where `POST /v1/models` and `npm run model` install them; none: `models` in the data folder.',
  }),
  modelsOpenMax: Type.Integer({
    default: 2,
    minimum: 1,
    maximum: 64,
    description:
      'Maximum number of models in memory, including that of `MODEL_DIR`, which always stays; of the others, the least recently used one is unloaded to make room. 1: only that of `MODEL_DIR` can be used.',
  }),
  modelIdleSeconds: Type.Integer({
    default: 600,
    minimum: 1,
    maximum: 2_000_000,
    description: 'Time after which an unused model is unloaded; that of `MODEL_DIR` always stays.',
  }),
  modelMaxBytes: Type.Integer({
    default: 2 ** 30,
    minimum: 1_000,
    maximum: 2 ** 40,
    description: 'Maximum size of an installed model, all files together.',
  }),
  provider: Type.Enum(['auto', 'cpu', 'cuda'], {
    default: 'auto',
    description: 'Execution provider; `auto` uses CUDA if it works.',
  }),
  requireCuda: Type.Boolean({ default: false, description: 'Refuse to start instead of falling back to the CPU.' }),
  embedWorkers: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 256,
    description: 'Threads that run the model, on CUDA per GPU; 0: one per core, or two per GPU.',
  }),
  embedLoneThreads: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 256,
    description:
      'On the CPU, maximum number of threads that run the model for the picture of a search or upload while no other picture is running or waiting; 0: the number of workers, which is also the maximum; 1: one, as for any other picture. More than one are used only if they prove faster when the model is opened; they take the memory of one more worker.',
  }),
  batchMaxSize: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 256,
    description: 'Maximum batch size; 0: 4 on the CPU, the largest of `CUDA_BATCH_SIZES` on CUDA.',
  }),
  embedQueueMax: Type.Integer({
    default: 256,
    minimum: 1,
    maximum: 100_000,
    description: 'Maximum number of pictures waiting for the model; further ones are refused.',
  }),
  cudaDevices: Type.String({
    default: '0',
    pattern: numberList('\\d{1,3}', 16),
    accepts: 'up to 16 numbers of GPUs, separated by commas',
    description:
      'GPUs that run the model, each with its own threads: their numbers among those that `CUDA_VISIBLE_DEVICES` makes visible.',
  }),
  cudaVisibleDevices: Type.String({
    default: '',
    description:
      'GPUs visible to this process, by number or id, separated by commas; none: all. Read by the driver itself.',
  }),
  cudaBatchSizes: Type.String({
    default: '1,4,16,64',
    pattern: numberList('(?:[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-6])', 8),
    accepts: 'up to 8 whole numbers from 1 to 256, separated by commas',
    description:
      'Batch sizes on CUDA: each size has its own session in every thread, and a batch is padded to the next size.',
  }),
  cudaMemoryMaxBytes: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 2 ** 50,
    description:
      'Maximum memory on each GPU; fewer threads are started if all of them would need more, and CUDA is not used if a single one would. 0: unlimited.',
  }),
  queryViews: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 4,
    description:
      'Views of a query picture whose embeddings are averaged: the picture, its mirror image, the picture in the other fit, and that one’s mirror image. Each view costs one model run.',
  }),
  galleryViews: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 4,
    description: 'The same for stored pictures; pictures already stored are not changed.',
  }),
}
