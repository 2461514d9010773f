/** Search results as shown to callers: ranked ids, with the requested details. */
import { signedQuery, type ThumbnailLinkSettings } from '../access/thumbnail-links.js'
import {
  basisOf,
  type CalibratedThreshold,
  probabilitySameLabel,
  type ScoreCalibration,
} from '../eval/score-calibration.js'
import type { Hit as RankedHit } from '../gallery/gallery-search.js'
import type { Metadata as Stored } from '../gallery/metadata.js'
import { StoredMetadata } from '../gallery/stored-json.js'
import type { Answer, QueryDurations } from '../retrieval.js'
import type { SearchAnswer, SearchHit } from './schemas/search.js'
import type { JsonVector, VectorFormat } from './schemas/vector-format.js'
import type { Answered } from './typed-app.js'
import { LateVector, writeVector } from './vector-json.js'

export interface AnswerViewOptions {
  include: readonly string[]
  vectorFormat?: VectorFormat | undefined
  links: LinkSettings
  calibration?: ScoreCalibration | undefined
  /** The threshold below which the vote sees no match. */
  threshold?: CalibratedThreshold | undefined
}

export interface LinkSettings extends ThumbnailLinkSettings {
  /** Prefix of links. */
  basePath: string
}

/** Everything except what was searched. */
export type ViewedAnswer = Omit<Answered<typeof SearchAnswer>, 'gallery'>

export function answerView(answer: Answer, options: AnswerViewOptions): ViewedAnswer {
  const {
    gallery: searched,
    modelId,
    vector,
    method,
    ef,
    hits,
    groups,
    vote,
    compared,
    nextPageToken,
    durations,
  } = answer
  const { include, vectorFormat, threshold, calibration } = options
  const view = (hit: RankedHit) => hitView(hit, searched, options)
  return {
    modelId,
    method,
    ef,
    vector: include.includes('vector') ? writeVector(vector, vectorFormat) : undefined,
    hits: hits.map(view),
    groups: groups?.map(({ rank, key, hits }) => ({ rank, key, hits: hits.map(view) })),
    vote: vote && {
      ...vote,
      threshold: threshold && { ...threshold, falseMatchesExpected: threshold.falseMatchRate * compared },
    },
    nextPageToken,
    calibration: calibration && basisOf(calibration),
    durations: rounded(durations),
  }
}

function hitView(
  { rank, score: raised, boost, similarity: score = raised, gallery, nearCopyScore, vector, record }: RankedHit,
  searched: Answer['gallery'],
  { include, vectorFormat, links, calibration }: AnswerViewOptions,
): Answered<typeof SearchHit> {
  const { id, label, modelId, metadataText, isDamaged } = record
  return {
    rank,
    gallery,
    id,
    score,
    boost,
    pSame: calibration && probabilitySameLabel(calibration, score),
    nearCopyScore,
    label,
    modelId,
    unreadable: isDamaged ? 'record' : undefined,
    // parsed only when it is written, see `StoredMetadata`
    metadata: metadataText === undefined ? undefined : (new StoredMetadata(metadataText) as unknown as Stored),
    thumbnail: include.includes('thumbnail') ? thumbnailOf(record, gallery ?? String(searched), links) : undefined,
    vector: vector && (new LateVector(vector, vectorFormat) as unknown as JsonVector),
  }
}

/** Its address; null: there is none. */
function thumbnailOf({ id, thumbnailBytes }: RankedHit['record'], gallery: string, links: LinkSettings): string | null {
  if (thumbnailBytes === 0) return null
  const path = `${links.basePath}/v1/galleries/${gallery}/images/${encodeURIComponent(id)}/thumbnail`
  return links.thumbnailLinkSecret === '' ? path : `${path}?${signedQuery({ gallery, id }, links, Date.now())}`
}

/** To microseconds, the resolution of the clock. */
function rounded(durations: QueryDurations): QueryDurations {
  const round = (ms: number) => Math.round(ms * 1_000) / 1_000
  const { decodeMs, queueMs, embedMs, searchMs, totalMs } = durations
  return {
    decodeMs: round(decodeMs),
    queueMs: round(queueMs),
    embedMs: round(embedMs),
    searchMs: round(searchMs),
    totalMs: round(totalMs),
  }
}
