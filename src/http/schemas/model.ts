/** Models as callers see them: what runs them, how they were made, how good they are. */
import { Type } from 'typebox'
import type { Model as ModelFolder, ModelManifest } from '../../embedding/model-manifest.js'
import type { RuntimeDescription } from '../../embedding/provider.js'
import type { ServedModels } from '../../embedding/served-models.js'
import { basisOf } from '../../eval/score-calibration.js'
import { Calibration } from './calibration.js'
import { named, reference } from './named.js'

export const Model = named(
  'Model',
  Type.Object(
    {
      id: Type.String({
        description: 'Hash of weights and preprocessing; embeddings of different ids are never compared.',
      }),
      name: Type.String(),
      architecture: Type.String(),
      embeddingDimension: Type.Integer(),
      labels: Type.Array(Type.String(), { description: 'Classes it was trained on.' }),
      createdAt: Type.String(),
      calibration: Type.Union([reference(Calibration), Type.Null()], {
        description: 'What its probabilities are based on; null if it is not calibrated and has none.',
      }),
      standard: Type.Boolean({ description: 'Galleries that name no model use this one.' }),
      runtime: Type.Union(
        [
          Type.Object(
            {
              provider: Type.Enum(['cpu', 'cuda'], { type: 'string', description: 'The provider in use.' }),
              precision: Type.String({ description: 'fp32, fp16 or int8.' }),
              fallbackReason: Type.Optional(
                Type.String({ description: 'Why it runs on the CPU although CUDA was expected.' }),
              ),
              precisionFallbackReason: Type.Optional(
                Type.String({
                  description:
                    'Why a slower precision is used than the folder contains: this processor computes the faster one differently.',
                }),
              ),
              workers: Type.Integer({ description: 'Threads.' }),
              loneThreads: Type.Optional(
                Type.Integer({
                  description:
                    'Threads that run it for a picture that is alone, if that is faster than a worker just then; absent if one thread was as fast.',
                }),
              ),
              devices: Type.Optional(
                Type.Array(Type.Integer(), { description: 'GPUs, by number; absent on the CPU.' }),
              ),
              batchSizes: Type.Array(Type.Integer(), { description: 'Pictures per run that it was warmed up for.' }),
              ortVersion: Type.String({ description: 'ONNX Runtime.' }),
            },
            { description: 'How this service runs the model.' },
          ),
          Type.Null(),
        ],
        { description: 'null while it is not in memory: it is loaded on demand.' },
      ),
    },
    {
      description: 'A model that produces embeddings.',
      examples: [
        {
          id: '5d1c0a7b9e3f4a62',
          name: 'har-resnet50',
          architecture: 'resnet50',
          embeddingDimension: 527,
          labels: ['calling', 'clapping'],
          createdAt: '2026-02-20T11:04:00.000Z',
          calibration: { split: 'val', positivePairs: 52_277, negativePairs: 740_880, reliable: true },
          standard: true,
          runtime: {
            provider: 'cpu',
            precision: 'int8',
            workers: 2,
            loneThreads: 2,
            batchSizes: [1],
            ortVersion: '1.30.0',
          },
        },
      ],
    },
  ),
)

export const ModelCard = named(
  'ModelCard',
  Type.Object(
    {
      ...Model.properties,
      manifest: Type.Unsafe<ModelManifest>(
        Type.Record(Type.String(), Type.Unknown(), { description: '`manifest.json` of its folder.' }),
      ),
      quality: Type.Unsafe<unknown>(
        Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
          description: '`metrics.json` of its folder: data, protocol and every quality number; null if there is none.',
        }),
      ),
    },
    { description: 'Everything known about a model.' },
  ),
)

export const ModelList = Type.Object({
  models: Type.Array(reference(Model), { description: 'The default model first, then by name.' }),
})
const ModelName = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Id or name.',
  examples: ['har-resnet50'],
})
export const PlotPath = Type.Object({
  model: ModelName,
  plot: Type.String({
    pattern: '^[a-z0-9-]{1,64}\\.svg$',
    description: 'File name as in the card.',
    examples: ['calibration.svg'],
  }),
})
export const ModelPath = Type.Object({
  model: ModelName,
})

export function modelView(model: ModelFolder, models: ServedModels) {
  const { id, name, architecture, embeddingDimension, labels, createdAt, calibration } = model.manifest
  return {
    id,
    name,
    architecture,
    embeddingDimension,
    labels,
    createdAt,
    calibration: calibration ? basisOf(calibration) : null,
    standard: model === models.folders.standard,
    runtime: runtimeView(models.running(id)?.runtime),
  }
}

function runtimeView(runtime: RuntimeDescription | undefined) {
  if (runtime === undefined) return null
  const { devices, batchSizes, ...rest } = runtime
  return { ...rest, devices: devices && [...devices], batchSizes: [...batchSizes] }
}
