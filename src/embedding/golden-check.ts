/**
 * Does this machine produce the same embeddings as the one where the model was exported? The model folder contains a
 * few synthetic pictures with their embeddings; before the service is ready they go through its own decoder and model
 * again.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { cosine } from '../cosine.js'
import { AlikeError } from '../errors.js'
import { prepareImage } from '../image/prepare.js'
import type { Embedder } from './embedder.js'
import type { Model, Precision } from './model-manifest.js'

export const goldenFolder = 'golden'
export const goldenList = 'golden.json'

/** One embedding per picture: base64 of little-endian float32. */
const Embeddings = Type.Array(Type.String())

/** `golden/golden.json`. */
export const Golden = Type.Object(
  {
    goldenVersion: Type.Literal(1),
    modelId: Type.String(),
    /** File names next to this list. */
    pictures: Type.Array(Type.String({ pattern: '^[a-z0-9-]+\\.png$' }), { minItems: 1 }),
    /** Per precision, because precisions differ by more than machines do. */
    embeddings: Type.Object(
      { fp32: Type.Optional(Embeddings), fp16: Type.Optional(Embeddings), int8: Type.Optional(Embeddings) },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
)
export type Golden = Static<typeof Golden>

export interface GoldenCheck {
  precision: Precision
  images: number
  /** Smallest cosine between an embedding computed here and the one computed at export. */
  minCosine: number
  /** Why the service must not serve; absent if everything matches. */
  failure?: string
}

/** Other processors round differently, in the fifth digit; a wrong decoder, filter or kernel shows in the third. */
const smallestCosine = 0.999

/**
 * @returns undefined for a model folder without golden pictures
 * @throws AlikeError `model_unreadable` if they cannot be read or belong to another model
 */
export async function checkGolden(
  embedder: Pick<Embedder, 'model' | 'runtime' | 'embed'>,
): Promise<GoldenCheck | undefined> {
  const {
    model,
    runtime: { precision },
  } = embedder
  const golden = await readGolden(model)
  if (golden === undefined) return undefined
  const expected = golden.embeddings[precision]
  if (expected?.length !== golden.pictures.length)
    throw unreadable(`There are no golden embeddings of its ${precision} model.`)
  const cosines: number[] = []
  // one after the other, because the embedder may be permitted to keep only one waiting
  for (const [i, file] of golden.pictures.entries()) {
    const png = await readFile(join(model.folder, goldenFolder, file)).catch((cause: unknown) => {
      throw unreadable(`The golden picture ${file} cannot be read.`, cause)
    })
    const { pixels } = await prepareImage(png, { preprocessing: model.manifest.preprocessing, maxPixels: 1e6 })
    const [found, made] = [(await embedder.embed(pixels)).vector, decodeGolden(expected[i]!)]
    cosines.push(found.length === made.length ? cosine(found, made) : NaN)
  }
  const minCosine = Math.min(...cosines)
  const check = { precision, images: cosines.length, minCosine }
  // written so that NaN fails
  if (minCosine >= smallestCosine) return check
  const failure = `The ${precision} model gives other embeddings on this machine than where it was exported: the smallest cosine over ${check.images} golden pictures is ${minCosine.toFixed(5)}, at least ${smallestCosine} is needed.`
  return { ...check, failure }
}

export function encodeGolden(embedding: Float32Array): string {
  return Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength).toString('base64')
}

function decodeGolden(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer)
}

/** @returns undefined for a model folder without golden pictures */
export async function readGolden({ folder, manifest }: Model): Promise<Golden | undefined> {
  let golden: Golden
  try {
    golden = Value.Parse(Golden, JSON.parse(await readFile(join(folder, goldenFolder, goldenList), 'utf8')))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadable(`${goldenFolder}/${goldenList} does not fit its schema.`, cause)
  }
  if (golden.modelId !== manifest.id) throw unreadable('Its golden pictures are those of another model.')
  return golden
}

function unreadable(detail: string, cause?: unknown): AlikeError {
  return new AlikeError('model_unreadable', { detail, cause })
}
