/** Writes a model folder from a trained network, all or nothing. */
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { splitRecordFile } from '../../datasets/split-record.js'
import { type ModelManifest, modelId, sha256OfFile } from '../../embedding/model-manifest.js'
import { AlikeError } from '../../errors.js'
import { removeAbandoned, unfinishedName } from '../abandoned.js'
import { writeGolden } from '../golden/write-golden.js'
import type { TrainableNetwork } from '../models/network.js'
import { convertNetwork } from './convert.js'
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
 * Writes graph, manifest and golden pictures to a folder beside the target, including the parity check; renames it
 * last.
 * @throws AlikeError `export_layer_unsupported`, `export_parity_failed`; nothing is left behind
 */
export async function exportModel(network: TrainableNetwork, options: ExportOptions): Promise<ExportedModel> {
  if (options.parityImages.length < minParityImages)
    throw new RangeError(`the parity check needs ${minParityImages} pictures`)
  const folder = resolve(options.folder)
  const draft = join(dirname(folder), unfinishedName(draftPrefix(folder)))
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { recursive: true })
  try {
    const modelFile = join(draft, 'model.onnx')
    await writeFile(modelFile, convertNetwork(network))
    if (options.split !== undefined) await writeFile(join(draft, splitRecordFile), options.split)
    const parity = await provenParity(network, modelFile, options.parityImages)
    const manifest = await describe(network, modelFile, { ...options.provenance, exportParity: parity }, options.now)
    await writeFile(join(draft, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    await writeGolden({ folder: draft, manifest })
    await replaceFolder(draft, folder)
    await removeAbandoned(dirname(folder), draftPrefix(folder))
    return { folder, manifest, parity }
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

const draftPrefix = (folder: string): string => `.${basename(folder)}.draft-`

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

async function describe(
  network: TrainableNetwork,
  modelFile: string,
  provenance: Record<string, unknown>,
  now: Date,
): Promise<ModelManifest> {
  const sha256 = await sha256OfFile(modelFile)
  const { name, architecture, embeddingDimension, preprocessing, labels } = network
  return {
    manifestVersion: 1,
    id: modelId(sha256, preprocessing),
    name,
    architecture,
    createdAt: now.toISOString(),
    embeddingDimension,
    preprocessing,
    labels: [...labels],
    files: { fp32: { file: basename(modelFile), sha256, bytes: (await stat(modelFile)).size } },
    provenance,
  }
}

/** A folder cannot be renamed over a non-empty one: the old one is moved aside first. */
async function replaceFolder(draft: string, folder: string): Promise<void> {
  const old = `${draft}-old`
  const replaced = await rename(folder, old).then(
    () => true,
    () => false,
  )
  await rename(draft, folder)
  if (replaced) await rm(old, { recursive: true, force: true })
}
