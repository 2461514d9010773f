/** The served models: their folders, and those loaded into memory. */
import { join } from 'node:path'
import { numbersOf } from '../config/listed.js'
import type { Embedder } from '../embedding/embedder.js'
import { ModelFolders } from '../embedding/model-folders.js'
import type { Model } from '../embedding/model-manifest.js'
import { openProvenEmbedder } from '../embedding/proven-embedder.js'
import { ServedModels } from '../embedding/served-models.js'
import type { ServableModels } from '../gallery/servable-models.js'
import type { Opening } from './opened-parts.js'

export async function openModels({ config, logger, metrics, opened }: Opening): Promise<ServedModels> {
  const { modelDir, modelsDir, dataDir } = config
  const folders = await ModelFolders.open(modelDir, modelsDir || join(dataDir, 'models'), logger)
  const others = folders.list().filter((model) => model !== folders.standard)
  if (config.modelsOpenMax === 1 && others.length > 0)
    logger.warn(
      { models: others.map(({ manifest }) => manifest.name) },
      'MODELS_OPEN_MAX is 1: pictures can be embedded for the default model only',
    )
  return opened.add(
    await ServedModels.open({
      folders,
      open: (model) => openModel(model, { config, logger, metrics, isStandard: model === folders.standard }),
      openMax: config.modelsOpenMax,
      idleMs: config.modelIdleSeconds * 1_000,
      logger,
    }),
  )
}

interface ModelOpening extends Pick<Opening, 'config' | 'logger' | 'metrics'> {
  /** The runtime metrics describe what runs the default model. */
  isStandard: boolean
}

function openModel(model: Model, { config, logger, metrics, isStandard }: ModelOpening): Promise<Embedder> {
  return openProvenEmbedder({
    model,
    provider: config.provider,
    requireCuda: config.requireCuda,
    workers: config.embedWorkers,
    loneThreads: config.embedLoneThreads,
    maxBatch: config.batchMaxSize,
    cuda: {
      devices: numbersOf(config.cudaDevices),
      visibleDevices: config.cudaVisibleDevices,
      batchSizes: numbersOf(config.cudaBatchSizes),
      memoryMaxBytes: config.cudaMemoryMaxBytes,
    },
    maxQueue: Math.max(config.embedQueueMax, config.queryViews, config.galleryViews), // one picture always fits
    logger,
    metrics: isStandard ? metrics.embedding : { ...metrics.embedding, setRuntime() {}, setGoldenCosine() {} },
  })
}

/** In the form that galleries use. */
export function servable(folders: ModelFolders): ServableModels {
  const sizeOf = ({ manifest: { id, embeddingDimension: dimension } }: Model) => ({ id, dimension })
  return {
    standard: sizeOf(folders.standard),
    get: (idOrName) => sizeOf(folders.get(idOrName)),
    has: (id) => folders.has(id),
  }
}
