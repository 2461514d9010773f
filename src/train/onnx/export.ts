/** Writes a model folder from a trained network, all or nothing. */
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { splitRecordFile } from '../../datasets/split-record.js'
import type { ModelManifest } from '../../embedding/model-manifest.js'
import { AlikeError } from '../../errors.js'
import type { TrainableNetwork } from '../models/network.js'
import { convertNetwork } from './convert.js'
import { encoderWithHead } from './foreign/encoder-with-head.js'
import { describedManifest, writeManifest, writeModelFolder } from './model-folder.js'
import { openOnnx } from './onnx-session.js'
import { checkParity, type Parity } from './parity.js'

export interface ExportOptions {
  /** The model folder; an existing one is replaced as a whole. */
  folder: string
  /** Pictures of the parity check, each [inputSize, inputSize, 3]; at least 16. */
  parityImages: readonly Uint8Array[]
  /** Starting weights, data and backend; written to the manifest. */
  provenance: Record<string, unknown>
  /** Text of `split.json`. */
  split?: string | undefined
  now: Date
}

export interface ExportedModel {
  folder: string
  manifest: ModelManifest
  parity: Parity
}

const minParityImages = 16

/**
 * Writes graph, manifest and golden pictures, if the graph computes what the network does.
 * @throws AlikeError `export_layer_unsupported`, `export_parity_failed`; nothing is left behind
 */
export async function exportModel(network: TrainableNetwork, options: ExportOptions): Promise<ExportedModel> {
  if (options.parityImages.length < minParityImages)
    throw new RangeError(`the parity check needs ${minParityImages} pictures`)
  const folder = resolve(options.folder)
  return writeModelFolder(folder, async (draft) => {
    const modelFile = join(draft, 'model.onnx')
    await writeFile(
      modelFile,
      await (network.encoder ? encoderWithHead(network, network.encoder) : convertNetwork(network)),
    )
    if (options.split !== undefined) await writeFile(join(draft, splitRecordFile), options.split)
    const parity = await provenParity(network, modelFile, options.parityImages)
    const provenance = { ...options.provenance, exportParity: parity }
    const manifest = await describedManifest(draft, { ...network, provenance }, options.now)
    await writeManifest(draft, manifest)
    return { folder, manifest, parity }
  })
}

async function provenParity(
  network: TrainableNetwork,
  modelFile: string,
  images: readonly Uint8Array[],
): Promise<Parity> {
  const session = await openOnnx(modelFile, { map: true })
  try {
    const parity = await checkParity(network, session, images)
    if (parity.passed) return parity
    const detail = `Smallest cosine ${parity.minCosine}, largest logit difference ${parity.maxLogitDifference}, largest difference of the summed map ${parity.maxMapDifference ?? 'not measured'} on ${parity.pictures} pictures.`
    throw new AlikeError('export_parity_failed', { detail })
  } finally {
    await session.close()
  }
}
