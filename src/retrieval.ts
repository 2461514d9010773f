/**
 * The life of a query, from top to bottom: decode → embed → search → records → vote. Admission, authentication and body
 * parsing are in `http/`; this file knows nothing of them.
 */

import { contentHashOf } from './content-hash.js'
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
  /** The installed models. */
  images: ImageEmbedder
}

interface Picture {
  bytes: Uint8Array
  region?: Region | undefined
}

/** A picture file, the id of a stored picture whose embedding is used, or an embedding from this model. */
export type Example = Picture | { id: string } | { vector: Float32Array }

export interface Query extends Omit<GallerySearch, 'vector' | 'copyDescriptors' | 'contentHashes' | 'voters'> {
  /** Several are searched as one ranking; examples cannot be stored pictures then. */
  gallery: string | readonly string[]
  /** The set to answer from; default: the set that serves the gallery now. */
  serving?: Serving | undefined
  /** At least one; several are pictures of the same thing. */
  like: Example[]
  /** What hits should not resemble. */
  unlike?: Example[]
  /** Stored pictures used as examples may be hits. */
  includeSelf?: boolean
  /** The best `k` hits vote on the label; if the best hit is below the threshold there is no match. */
  vote?: { k: number; threshold?: number | undefined } | undefined
  /** The caller has disconnected: work that has not begun is dropped. */
  signal?: AbortSignal | undefined
  /** The answer names its next page, valid for this caller; all pages together show at most `reach` hits or groups. */
  paged?: { caller: string; reach: number } | undefined
}

/** Time of each stage; `queueMs` is the time spent waiting for a decoder and for the model. */
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
  /** The query vector, [dimension]; expanded if requested. */
  vector: Float32Array
  /** Whether the query was expanded by its best hits; scores then refer to the expanded query. */
  isExpanded: boolean
  hits: Hit[]
  /** With `groupBy`, instead of hits. */
  groups?: HitGroup[] | undefined
  vote?: Vote | undefined
  /** Number of pictures that could have been hits. */
  compared: number
  /** The next hits of the same ranking. */
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
  // Before anything is decoded: embeddings of different models cannot be compared.
  parts.images.modelOf(modelId)

  // Look-ups of microseconds come first: a missing picture or a wrong vector is reported before anything is decoded.
  const looked = await Promise.all([...like, ...unlike].map((example) => lookedUp(example, serving)))
  const embed = (example: Picture | Embedded, stop?: AbortSignal): Embedded | Promise<Embedded> => {
    if (!('bytes' in example)) return example
    return parts.images.embed(example.bytes, { purpose: 'search', modelId, region: example.region, signal: stop })
  }
  const examples = await allOrNone(looked, signal, embed, { atOnce: parts.images.queriesAtOnce })
  const vectors = examples.map((example) => example.vector)
  const vector = queryVector(vectors.slice(0, like.length), vectors.slice(like.length))
  const durations = slowestOf(examples)
  const copyDescriptors = examples.slice(0, like.length).flatMap((example) => example.copyDescriptor ?? [])
  signal?.throwIfAborted()

  const ownIds = includeSelf ? [] : [...like, ...unlike].flatMap((example) => ('id' in example ? [example.id] : []))
  const excludeIds = [...(search.excludeIds ?? []), ...ownIds]
  const contentHashes = search.copiesFrom === undefined ? undefined : await contentHashesOf(like, serving)
  const terms = { ...search, vector, copyDescriptors, contentHashes, excludeIds, voters: vote?.k, signal }
  const found: SearchPage =
    paged === undefined
      ? await parts.galleries.searches.search(serving, terms)
      : await parts.galleries.searches.firstPage(serving, { ...terms, ...paged })
  const { voters, durationMs: searchMs, ...answered } = found
  const voted = voters?.map(({ score, record }) => ({ score, label: record.label }))

  const totalMs = performance.now() - startedAt
  return {
    gallery,
    modelId,
    ...answered,
    vote: voted && voteOnLabel(voted, vote?.threshold),
    durations: { ...durations, searchMs, totalMs },
  }
}

export interface NextPage extends Pick<GallerySearch, 'k' | 'metadata' | 'vectors' | 'onBytes'> {
  gallery: string | readonly string[]
  token: string
  /** The caller: a page token works only for the caller it was issued to. */
  caller: string
}

/**
 * The next hits of a ranking named by an earlier answer.
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

/** Counterexamples move the query away from them, by their distance from the examples. */
function queryVector(like: Float32Array[], unlike: Float32Array[]): Float32Array {
  const sought = meanDirection(like)
  if (unlike.length === 0) return sought
  const avoided = meanDirection(unlike)
  const moved = sought.map((value, i) => 2 * value - avoided[i]!)
  const length = Math.hypot(...moved)
  return moved.map((value) => value / length)
}

type EmbeddingDurations = Pick<QueryDurations, 'decodeMs' | 'queueMs' | 'embedMs'>

interface Embedded extends EmbeddingDurations {
  vector: Float32Array
  /** None for a vector, and for stored pictures without a descriptor. */
  copyDescriptor?: Uint8Array | undefined
}

/** Several pictures are prepared in parallel. */
function slowestOf(examples: Embedded[]): EmbeddingDurations {
  const most = (key: keyof EmbeddingDurations) => Math.max(...examples.map((example) => example[key]))
  return { decodeMs: most('decodeMs'), queueMs: most('queueMs'), embedMs: most('embedMs') }
}

const noTime = { decodeMs: 0, queueMs: 0, embedMs: 0 }

/** What has an embedding already has no other work to wait for. */
async function lookedUp(example: Example, { examples, dimension }: Serving): Promise<Picture | Embedded> {
  if ('bytes' in example) return example
  if ('vector' in example) {
    expectUnitVector(example.vector, dimension)
    return { vector: example.vector, ...noTime }
  }
  const { id } = example
  const vector = await examples.vector(id)
  if (vector === undefined) throw new AlikeError('image_not_found', { detail: `There is no ${id}.` })
  return { vector, copyDescriptor: await examples.copies.descriptor(id), ...noTime }
}

/** Of whole pictures; a region is not the file that it is in. */
async function contentHashesOf(like: readonly Example[], { examples }: Serving): Promise<string[]> {
  const hashes = await Promise.all(
    like.map(async (example) => {
      if ('id' in example) return (await examples.find([example.id])).map(({ contentHash }) => contentHash)
      if (!('bytes' in example) || example.region !== undefined) return []
      return contentHashOf(example.bytes)
    }),
  )
  return hashes.flat()
}
