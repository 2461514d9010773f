/** The definition of a collection: its indexed properties and the storage of vectors. */
import { configure, vectors } from 'weaviate-client'
import { AlikeError } from '../../errors.js'
import { wordNames } from './id-words.js'
import type { CollectionLayout, IndexTuning } from './weaviate-settings.js'

const stored = (dataType: 'text' | 'int' | 'boolean' | 'blob' | 'geoCoordinates') => (property: string) => ({
  name: property,
  dataType,
  indexFilterable: false,
  ...(dataType === 'text' && { indexSearchable: false }),
})

const tokens = {
  name: 'tokens',
  dataType: 'text[]' as const,
  tokenization: 'field' as const,
  indexFilterable: true,
  indexSearchable: false,
}
const ordered = (property: string) => ({
  name: property,
  dataType: 'int' as const,
  indexFilterable: true,
  indexRangeFilters: true,
})

/**
 * Number of what is described in this file, `image-object.ts`, `id-words.ts` and `filter-tokens.ts`: raise it with a change that older
 * versions would misread, such as other tokens. Properties that they ignore are no such change.
 */
const format = 1
const description = `An embedding set of Alike, format ${format}`

/** @throws AlikeError `gallery_newer` for a collection that this version would misread */
export function expectReadable(name: string, described: string | undefined): void {
  // the first collections had no description
  const written = Number(/, format (\d+)$/.exec(described ?? '')?.[1] ?? 1)
  if (written <= format) return
  throw new AlikeError('gallery_newer', { detail: `Its collection ${name} has format ${written}, not ${format}.` })
}

/** Properties missing from collections of older versions. */
export const addedProperties = [stored('text')('reference'), stored('geoCoordinates')('attempt')]

/**
 * How soon a node that was down receives what it missed; until then its searches miss it. With the server's defaults
 * (every 30 s, a thousand objects, none younger than 30 s) that takes minutes.
 */
const catchingUp = {
  frequency: 5_000,
  frequencyWhilePropagating: 1_000,
  /** Newer objects may still be on their way to the other nodes. */
  propagationDelay: 5_000,
  propagationLimit: 10_000,
  propagationConcurrency: 2,
}

/** The properties are those of `ImageProperties`. */
export function definitionOf(name: string, { shards, replicas, quantisation }: CollectionLayout, tuning: IndexTuning) {
  const text = stored('text')
  const { maxConnections, efConstruction, ef, exactBelow } = tuning
  return {
    name,
    description,
    properties: [
      tokens,
      ...['stamp', 'labelWord', ...wordNames].map(ordered),
      ...['imageId', 'label', 'metadata', 'contentHash', 'modelId', 'format', 'createdAt', 'updatedAt'].map(text),
      ...addedProperties,
      ...['width', 'height', 'bytes', 'thumbnailBytes'].map(stored('int')),
      ...['isDescribed'].map(stored('boolean')),
      ...['thumbnail', 'descriptor'].map(stored('blob')),
    ],
    vectorizers: vectors.selfProvided({
      name: 'default',
      vectorIndexConfig: configure.vectorIndex.hnsw({
        distanceMetric: 'cosine',
        maxConnections,
        efConstruction,
        ef,
        flatSearchCutoff: exactBelow,
        quantizer:
          quantisation === 'rq8'
            ? configure.vectorIndex.quantizer.rq({ bits: 8 })
            : configure.vectorIndex.quantizer.none(),
      }),
    }),
    sharding: configure.sharding({ desiredCount: shards }),
    replication: configure.replication({
      factor: replicas,
      ...(replicas > 1 && { asyncEnabled: true, asyncConfig: catchingUp }),
      deletionStrategy: 'TimeBasedResolution',
    }),
  }
}
