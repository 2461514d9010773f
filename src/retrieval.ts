/**
 * The life of a query, from top to bottom: decode → embed → search → records → vote. The door (too busy?
 * who is asking? a picture at all?) is in `http/`; here nothing is known of it.
 */

import { allOrNone } from './embedding/all-or-none.js'
import { meanDirection } from './embedding/embed-views.js'
import type { ImageEmbedder } from './embedding/image-embedder.js'
import { AlikeError } from './errors.js'
import type { Galleries } from './gallery/galleries.js'
import type { GallerySearch, Hit, HitGroup } from './gallery/gallery-search.js'
import type { SearchPage } from './gallery/gallery-searches.js'
import type { Serving } from './gallery/serving.js'
import { expectUnitVector } from './gallery/unit-vector.js'
import type { Region } from './image/region.js'
import { type Vote, voteOnLabel } from './ranking/vote.js'

export interface RetrievalParts {
  galleries: Galleries
  /** Of the models that are served. */
  images: ImageEmbedder
}

/** A picture file, the id of a stored picture whose embedding is used, or an embedding of this model. */
export type Example = { bytes: Uint8Array; region?: Region } | { id: string } | { vector: Float32Array }

export interface Query extends Omit<GallerySearch, 'vector' | 'copyDescriptors' | 'voters'> {
  /** Several are one ranking; examples are no stored pictures then. */
  gallery: string | readonly string[]
  /** What answers it; left out: what serves the gallery now. */
  serving?: Serving | undefined
  /** At least one; several are several pictures of one thing. */
  like: Example[]
  /** What hits should not be like. */
  unlike?: Example[]
  /** Stored pictures that are examples may be hits. */
  includeSelf?: boolean
  /** The best `k` hits vote on the label; a best hit below the threshold is no match. */
  vote?: { k: number; threshold?: number }
  /** The caller has left: what has not begun is not begun any more. */
  signal?: AbortSignal
  /** The answer names its next page, for this caller; all pages together show at most `reach` hits or groups. */
  paged?: { caller: string; reach: number } | undefined
}

/** Each stage's own time; `queueMs` is what was spent waiting for a decoder and for the model. */
export interface QueryDurations {
  decodeMs: number
  queueMs: number
  embedMs: number
  searchMs: number
  totalMs: number
}

export interface Answer {
  gallery: string | readonly string[]
  modelId: string
  method: 'exact' | 'hnsw'
  ef?: number | undefined
  /** [dimension], what was searched for. */
  vector: Float32Array
  hits: Hit[]
  /** With `groupBy`, in place of hits. */
  groups?: HitGroup[] | undefined
  vote?: Vote
  /** Pictures that could have been hits. */
  compared: number
  /** Of the hits that come next in the same ranking. */
  nextPageToken?: string | undefined
  durations: QueryDurations
}

/**
 * @throws AlikeError `gallery_not_found`, `image_not_found`, `image_*`, `region_invalid`,
 * `model_mismatch`, `overloaded`; the signal's reason when aborted
 */
export async function retrieve(query: Query, parts: RetrievalParts): Promise<Answer> {
  const startedAt = performance.now()
  const { gallery, like, unlike = [], includeSelf = false, vote, signal, paged, serving: given, ...search } = query
  const serving = given ?? (await parts.galleries.searches.serving(gallery))
  const { modelId } = serving
  // Before anything is decoded: embeddings of two models could never be compared.
  parts.images.modelOf(modelId)

  // Look-ups of microseconds come first: what is not there is told before a picture is decoded.
  const looked = await Promise.all([...like, ...unlike].map((example) => lookedUp(example, serving)))
  const examples = await allOrNone(looked, signal, (example, stop) => vectorOf(example, modelId, stop, parts))
  const vectors = examples.map((example) => example.vector)
  const vector = queryVector(vectors.slice(0, like.length), vectors.slice(like.length))
  const durations = slowestOf(examples)
  const copyDescriptors = examples.slice(0, like.length).flatMap((example) => example.copyDescriptor ?? [])
  signal?.throwIfAborted()

  const ownIds = includeSelf ? [] : [...like, ...unlike].flatMap((example) => ('id' in example ? [example.id] : []))
  const excludeIds = [...(search.excludeIds ?? []), ...ownIds]
  const asked = { ...search, vector, copyDescriptors, excludeIds, ...(vote && { voters: vote.k }) }
  const found: SearchPage =
    paged === undefined
      ? await parts.galleries.searches.search(serving, { ...asked, signal })
      : await parts.galleries.searches.firstPage(serving, { ...asked, ...paged })
  const { hits, groups, voters, compared, method, ef, nextPageToken, durationMs: searchMs } = found
  const voted = voters?.map(({ score, record }) => ({ score, label: record.label }))

  const totalMs = performance.now() - startedAt
  return {
    gallery,
    modelId,
    vector,
    method,
    ...(ef !== undefined && { ef }),
    hits,
    ...(groups && { groups }),
    ...(voted && { vote: voteOnLabel(voted, vote?.threshold) }),
    compared,
    nextPageToken,
    durations: { ...durations, searchMs, totalMs },
  }
}

export interface NextPage extends Pick<GallerySearch, 'k' | 'metadata' | 'onBytes'> {
  gallery: string | readonly string[]
  token: string
  /** Who asks: tokens are of use to none but whom they were given to. */
  caller: string
}

/**
 * The next hits of a ranking that an answer before named.
 * @throws AlikeError `gallery_not_found`, `page_expired`, `overloaded`; what `onBytes` throws
 */
export async function retrieveNext(
  { gallery, ...page }: NextPage,
  { galleries }: Pick<RetrievalParts, 'galleries'>,
): Promise<Answer> {
  const { voters: _, durationMs, ...found } = await galleries.searches.nextPage(gallery, page)
  return {
    gallery,
    ...found,
    durations: { decodeMs: 0, queueMs: 0, embedMs: 0, searchMs: durationMs, totalMs: durationMs },
  }
}

/** With counterexamples the query moves away from them as far as they lie from what is sought. */
function queryVector(like: Float32Array[], unlike: Float32Array[]): Float32Array {
  const sought = meanDirection(like)
  if (unlike.length === 0) return sought
  const avoided = meanDirection(unlike)
  const moved = sought.map((value, i) => 2 * value - avoided[i]!)
  const length = Math.hypot(...moved)
  return moved.map((value) => value / length)
}

type Embedded = Pick<QueryDurations, 'decodeMs' | 'queueMs' | 'embedMs'> & {
  vector: Float32Array
  /** None for a vector, and for stored pictures that have none yet. */
  copyDescriptor?: Uint8Array | undefined
}

/** Several pictures are prepared side by side. */
function slowestOf(examples: Embedded[]): Omit<Embedded, 'vector' | 'copyDescriptor'> {
  const most = (key: keyof Omit<Embedded, 'vector' | 'copyDescriptor'>) =>
    Math.max(...examples.map((example) => example[key]))
  return { decodeMs: most('decodeMs'), queueMs: most('queueMs'), embedMs: most('embedMs') }
}

function lookedUp(example: Example, serving: Serving): Embedded | Exclude<Example, { id: string }> | Promise<Embedded> {
  return 'id' in example ? storedVector(example.id, serving) : example
}

function vectorOf(
  example: Embedded | Exclude<Example, { id: string }>,
  modelId: string,
  signal: AbortSignal | undefined,
  parts: RetrievalParts,
): Embedded | Promise<Embedded> {
  if ('bytes' in example)
    return parts.images.embed(example.bytes, { purpose: 'search', modelId, region: example.region, signal })
  if ('decodeMs' in example) return example
  expectUnitVector(example.vector, parts.images.modelOf(modelId).manifest.embeddingDimension)
  return { vector: example.vector, decodeMs: 0, queueMs: 0, embedMs: 0 }
}

async function storedVector(id: string, { examples }: Serving): Promise<Embedded> {
  const vector = await examples.vector(id)
  if (vector === undefined) throw new AlikeError('image_not_found')
  return { vector, copyDescriptor: await examples.copies.descriptor(id), decodeMs: 0, queueMs: 0, embedMs: 0 }
}
