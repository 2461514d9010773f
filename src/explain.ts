/**
 * Explains why a picture matched: which parts of the query and of the hit their score comes from, which labels are
 * nearby, and what the calibration says. A sibling of `retrieval.ts`, which finds the hits.
 */
import { cosine } from './cosine.js'
import { allOrNone } from './embedding/all-or-none.js'
import type { PlaceMaps, SeenImage } from './embedding/place-maps.js'
import { type PlaceScores, placeScores } from './embedding/place-scores.js'
import { AlikeError } from './errors.js'
import type { ImageRecord } from './gallery/records.js'
import type { Serving } from './gallery/serving.js'
import type { Region } from './image/region.js'
import type { Area } from './image/seen-area.js'
import { type ImageOriginalsParts, readOriginal } from './originals/image-originals.js'
import { type LabelVotes, voteOnLabel } from './ranking/vote.js'
import type { RetrievalParts } from './retrieval.js'

/** Without originals and references, stored pictures are looked at in their thumbnails. */
export interface ExplainParts extends RetrievalParts, ImageOriginalsParts {
  placeMaps: PlaceMaps
}

export interface ExplainRequest {
  gallery: string
  /** A picture file, or the id of a stored picture. */
  query: { bytes: Uint8Array } | { id: string }
  /** Region of the query; for a stored picture in fractions only. */
  region?: Region | undefined
  /** Id of the stored picture that matched. */
  hit: string
  signal?: AbortSignal | undefined
  /** Called with the size of each original before it is read; throws if there is no memory for it. */
  onBytes?: ((bytes: number) => void) | undefined
}

type LookOptions = Pick<ExplainRequest, 'gallery' | 'region' | 'onBytes'> & { modelId: string }

export interface Side extends PlaceScores {
  /** A stored picture without an original is explained from its thumbnail. */
  from: 'picture' | 'thumbnail'
  /** The area that the grid covers. */
  area: Area
}

export interface Explained {
  modelId: string
  score: number
  /** null: there is no picture to explain. */
  query: Side | null
  hit: { record: ImageRecord; places: Side | null }
  neighbours: { asked: number; labels: (LabelVotes & { bestId: string })[] }
  /** Score of the nearest picture; null in a gallery without others. */
  bestScore: number | null
  /** Number of pictures that could have been nearest. */
  compared: number
}

/** Number of nearest pictures whose labels are counted, and of labels returned. */
const neighboursCounted = 50
const labelsMax = 10

/**
 * @throws AlikeError `gallery_not_found`, `image_not_found`, `image_*`, `region_invalid`, `model_mismatch`,
 * `explain_unsupported`, `overloaded`, `data_unreadable` for a damaged original, `original_unreadable`; the signal's reason when aborted
 */
export async function explain(request: ExplainRequest, parts: ExplainParts): Promise<Explained> {
  const { gallery, signal } = request
  const serving = await parts.galleries.searches.serving(gallery)
  const { modelId, examples } = serving
  parts.images.modelOf(modelId)
  const [record] = await examples.find([request.hit])
  const hitVector = await examples.vector(request.hit)
  if (record === undefined || hitVector === undefined)
    throw new AlikeError('image_not_found', { detail: `There is no ${request.hit}.` })

  const looks = [
    (stop?: AbortSignal) => lookAtQuery(request, modelId, stop, parts),
    (stop?: AbortSignal) => lookAtStored(request.hit, { ...request, region: undefined, modelId }, stop, parts),
  ]
  const [query = null, hit = null] = await allOrNone(looks, signal, (look, stop) => look(stop))
  const queryVector = (await storedQuery(request, serving)) ?? query?.seen.vector
  if (queryVector === undefined)
    throw new AlikeError('region_invalid', {
      detail: 'The stored picture has neither an original nor a thumbnail to crop.',
    })
  const isStored = 'id' in request.query && request.region === undefined
  return {
    modelId,
    score: cosine(queryVector, hitVector),
    query: query && sideOf(query, hitVector, isStored ? queryVector : undefined),
    hit: { record, places: hit && sideOf(hit, queryVector, hitVector) },
    ...(await nearest(request, queryVector, serving, parts)),
  }
}

interface Look {
  from: Side['from']
  seen: SeenImage
}

function sideOf({ from, seen }: Look, other: Float32Array, stored: Float32Array | undefined): Side {
  return { from, area: seen.area, ...placeScores(seen, other, stored) }
}

/** The picture that a search would use; undefined if that is the one explained. */
async function storedQuery(
  { query, region }: ExplainRequest,
  { examples }: Serving,
): Promise<Float32Array | undefined> {
  if (!('id' in query)) return undefined
  const vector = await examples.vector(query.id)
  if (vector === undefined) throw new AlikeError('image_not_found', { detail: `There is no ${query.id}.` })
  return region === undefined ? vector : undefined
}

async function lookAtQuery(
  { query, ...request }: ExplainRequest,
  modelId: string,
  signal: AbortSignal | undefined,
  parts: ExplainParts,
): Promise<Look | null> {
  const { region } = request
  if ('bytes' in query)
    return { from: 'picture', seen: await parts.placeMaps.look(query.bytes, { modelId, region, signal }) }
  if (region?.unit === 'pixel')
    throw new AlikeError('region_invalid', { detail: 'For a stored picture it must be given in fractions.' })
  return lookAtStored(query.id, { ...request, modelId }, signal, parts)
}

async function lookAtStored(
  id: string,
  options: LookOptions,
  signal: AbortSignal | undefined,
  parts: ExplainParts,
): Promise<Look | null> {
  const { modelId, region } = options
  const kept = await keptPicture(id, options, signal, parts)
  if (kept === null) return null
  return { from: kept.from, seen: await parts.placeMaps.look(kept.bytes, { modelId, region, signal }) }
}

async function keptPicture(
  id: string,
  options: LookOptions,
  signal: AbortSignal | undefined,
  parts: ExplainParts,
): Promise<{ from: Side['from']; bytes: Uint8Array } | null> {
  const { galleries } = parts
  const { gallery } = options
  const record = await galleries.images.get(gallery, id)
  const original = record && (await originalUnlessAway(record, options, signal, parts))
  if (original !== undefined) return { from: 'picture', bytes: original }
  const { bytes } = (await galleries.images.thumbnail(gallery, id)) ?? {}
  return bytes === undefined ? null : { from: 'thumbnail', bytes }
}

/** An original in its owner's storage may be gone, changed or unreachable: then the thumbnail is used instead. */
async function originalUnlessAway(
  { contentHash, reference, bytes }: ImageRecord,
  { gallery, onBytes }: LookOptions,
  signal: AbortSignal | undefined,
  parts: ExplainParts,
): Promise<Buffer | undefined> {
  const { holdsOriginals: isHeld } = await parts.galleries.rules(gallery)
  if (!isHeld && reference === undefined) return undefined
  onBytes?.(bytes)
  try {
    const options = { signal: signal ?? new AbortController().signal, patienceMs: 0 }
    return await readOriginal(parts, { contentHash, reference, bytes, isHeld }, options)
  } catch (error) {
    if (reference === undefined || !(error instanceof AlikeError)) throw error
    return undefined
  }
}

async function nearest(
  { query, signal }: ExplainRequest,
  vector: Float32Array,
  serving: Serving,
  { galleries }: ExplainParts,
) {
  const { hits, compared } = await galleries.searches.search(serving, {
    vector,
    k: neighboursCounted,
    excludeIds: 'id' in query ? [query.id] : [],
    metadata: false,
    signal,
  })
  const { labels } = voteOnLabel(hits.map(({ score, record }) => ({ score, label: record.label })))
  const bestOf = (label: string) => hits.find(({ record }) => record.label === label)!.record.id
  return {
    neighbours: {
      asked: hits.length,
      labels: labels.slice(0, labelsMax).map((votes) => ({ ...votes, bestId: bestOf(votes.label) })),
    },
    bestScore: hits[0]?.score ?? null,
    compared,
  }
}
