/** A model folder's `manifest.json`: its schema, its id, and how to read and verify the folder. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { isThere } from '../durable-files.js'
import { AlikeError } from '../errors.js'
import { ScoreCalibration } from '../eval/score-calibration.js'
import { Preprocessing } from '../image/preprocessing.js'

export { Preprocessing }

export const precisions = ['fp32', 'fp16', 'int8'] as const
export type Precision = (typeof precisions)[number]
/** From the one that is fastest on a CPU to the slowest. */
export const onCpu: readonly Precision[] = ['int8', 'fp32', 'fp16']

const ModelFile = Type.Object(
  {
    file: Type.String({ pattern: '^[a-zA-Z0-9._-]+$' }),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    bytes: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false },
)

/** Maximum length of an embedding. */
export const embeddingDimensionMax = 4_096

/** Names a folder too. */
export const modelName = /^[a-z0-9][a-z0-9-]{0,62}$/

export const ModelManifest = Type.Object(
  {
    manifestVersion: Type.Literal(1),
    /** First 16 hex digits of a SHA-256 over preprocessing and weights; see `modelId`. */
    id: Type.String({ pattern: '^[0-9a-f]{16}$' }),
    name: Type.String({ pattern: modelName.source }),
    architecture: Type.String(),
    createdAt: Type.String(),
    embeddingDimension: Type.Integer({ minimum: 2, maximum: embeddingDimensionMax }),
    preprocessing: Preprocessing,
    /** Class names in the order of the `logits` output; may be empty. */
    labels: Type.Array(Type.String()),
    /**
     * Graph: input `pixels` uint8 [N,H,W,3]; outputs `embedding` float32 [N,D] of unit length and `logits` float32
     * [N,C]. If the model pools by a plain mean also `map` float32 [N,h,w,D], the contribution of each cell: they sum
     * to the embedding. The service strips it, see `served-graph.ts`.
     */
    files: Type.Object(
      { fp32: ModelFile, fp16: Type.Optional(ModelFile), int8: Type.Optional(ModelFile) },
      { additionalProperties: false },
    ),
    /** Meaning of a score; absent in models that were not calibrated. */
    calibration: Type.Optional(ScoreCalibration),
    /** Starting weights, data, backend: free-form, for people to read. */
    provenance: Type.Record(Type.String(), Type.Unknown()),
  },
  { additionalProperties: false },
)
export type ModelManifest = Static<typeof ModelManifest>

/**
 * The id under which embeddings of this model may be compared: a hash of what determines their values, the fp32 weights
 * file and the preprocessing, and nothing else.
 */
export function modelId(fp32Sha256: string, preprocessing: Preprocessing): string {
  const ordered = Object.keys(preprocessing)
    .sort()
    .map((key) => [key, preprocessing[key as keyof Preprocessing]])
  return createHash('sha256').update(fp32Sha256).update(JSON.stringify(ordered)).digest('hex').slice(0, 16)
}

export interface Model {
  readonly folder: string
  readonly manifest: ModelManifest
  /**
   * Precisions named in the manifest but missing in the folder: a folder may contain only what it serves. Never all of
   * them.
   */
  readonly absent?: readonly Precision[]
}

/** Path of the network in that precision; undefined if the folder does not have it. */
export function networkFile({ folder, manifest, absent = [] }: Model, precision: Precision): string | undefined {
  const entry = absent.includes(precision) ? undefined : manifest.files[precision]
  return entry === undefined ? undefined : join(folder, entry.file)
}

/** Those whose files the folder has, in the order of `precisions`. */
export function precisionsIn(model: Model): Precision[] {
  return precisions.filter((precision) => networkFile(model, precision) !== undefined)
}

/**
 * Reads and verifies a model folder: schema, id, and the checksum of every file that is present.
 * @throws AlikeError `model_unreadable`, with what does not match
 */
export async function readModel(folder: string): Promise<Model> {
  const manifest = parseManifest(await readManifest(folder))
  if (manifest.id !== modelId(manifest.files.fp32.sha256, manifest.preprocessing)) {
    throw new AlikeError('model_unreadable', {
      detail: 'The id in manifest.json does not match its weights and preprocessing.',
    })
  }
  const absent: Precision[] = []
  const named = precisions.filter((precision) => manifest.files[precision] !== undefined)
  for (const precision of named) {
    const entry = manifest.files[precision]!
    if (!(await isThere(join(folder, entry.file)))) {
      absent.push(precision)
      continue
    }
    const found = await sha256OfFile(join(folder, entry.file))
    if (found !== entry.sha256) {
      throw new AlikeError('model_unreadable', {
        detail: `${entry.file} does not match its checksum in manifest.json.`,
      })
    }
  }
  if (absent.length === named.length)
    throw new AlikeError('model_unreadable', { detail: 'The files named in manifest.json cannot be read.' })
  return absent.length === 0 ? { folder, manifest } : { folder, manifest, absent }
}

function parseManifest(text: string): ModelManifest {
  try {
    return Value.Parse(ModelManifest, JSON.parse(text))
  } catch (cause) {
    throw new AlikeError('model_unreadable', { detail: 'manifest.json does not match its schema.', cause })
  }
}

async function readManifest(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, 'manifest.json'), 'utf8')
  } catch (cause) {
    const detail = `${folder} has no manifest.json that can be read: it is not a folder written by training or an import.`
    throw new AlikeError('model_unreadable', { detail, cause })
  }
}

/** Hex SHA-256 of a file, streamed. @throws AlikeError `model_unreadable` when it cannot be read. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path), hash)
  } catch (cause) {
    throw new AlikeError('model_unreadable', { detail: 'A model file cannot be read.', cause })
  }
  return hash.digest('hex')
}
