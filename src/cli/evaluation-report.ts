/** The report of `npm run evaluate`, as Markdown. */
import { createHash } from 'node:crypto'
import { cpus } from 'node:os'
import type { Job, ServedModel } from '../../clients/typescript/src/alike-client.js'
import { firstOf } from '../command-line.js'
import type { LabelledImage } from '../datasets/labelled-image.js'
import type { RetrievalQuality } from '../eval/quality.js'
import { percentile } from './percentile.js'

/** The ingestion that stored the pictures, and how long it took from the client's side. */
export interface Filled {
  job: Job
  seconds: number
}

export interface EvaluationFindings {
  model: ServedModel
  /** All pictures of the data set, with their splits. */
  images: readonly LabelledImage[]
  /** Pictures in the gallery. */
  stored: number
  /** Number of best hits that expanded each query. Default: none. */
  expand?: number | undefined
  /** Query that could not be read → the error code. */
  leftOut: ReadonlyMap<string, string>
  /** Absent if an existing gallery was used. */
  filled?: Filled | undefined
  /** Milliseconds of each query, by stage. */
  latencies: ReadonlyMap<string, readonly number[]>
  quality: RetrievalQuality
}

const qualityRows = [
  'mAP@1',
  'mAP@10',
  'mAP@50',
  'mAP@R',
  'recall@1',
  'recall@5',
  'recall@10',
  'rPrecision',
  'mrr',
  'knnAccuracy',
  'normalisedMeanRank',
] as const

export function evaluationReport({
  model: { name, id, runtime },
  images,
  stored,
  expand,
  leftOut,
  filled,
  latencies,
  quality: { queries, queriesWithoutRelevant, overall, intervals },
}: EvaluationFindings): string {
  const row = (name: keyof typeof overall & string, digits = 3) => {
    const interval = intervals[name]
    const range = interval === undefined ? '' : `${shown(interval[0], digits)} – ${shown(interval[1], digits)}`
    return `| ${name} | ${shown(overall[name], digits)} | ${range} |`
  }
  return [
    '# Evaluation over HTTP (protocol B: test pictures query train + val)',
    '',
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.version}.`,
    `Model: ${name} (${id})${runtime === null ? '' : `, ${runtime.precision} on ${runtime.provider}`}.`,
    `Data: ${stored} stored, ${queries + queriesWithoutRelevant} queries, ids hash ${hashOf(images)}.`,
    ...(expand === undefined ? [] : [`Each query was expanded by its best hits (--expand ${expand}).`]),
    ...leftOutLines(leftOut),
    ...(queriesWithoutRelevant === 0
      ? []
      : [
          `Queries without a stored picture of their label, other than copies, not counted below: ${queriesWithoutRelevant}.`,
        ]),
    filled === undefined
      ? ''
      : `Ingest: ${filled.job.added} added, ${filled.job.failed} failed in ${shown(filled.seconds, 1)} s (${shown(filled.job.done / filled.seconds, 1)} pictures/s).`,
    '',
    '| quality | value | 95 % interval |',
    '|---|---|---|',
    ...qualityRows.map((name) => row(name)),
    row('meanRank', 1),
    row('medianFirstRank', 1),
    '',
    'One client, one request at a time, k = 10, milliseconds:',
    '',
    '| stage | p50 | p95 | p99 |',
    '|---|---|---|---|',
    ...[...latencies].map(
      ([stage, values]) =>
        `| ${stage} | ${[0.5, 0.95, 0.99].map((share) => shown(percentile(values, share), 1)).join(' | ')} |`,
    ),
    '',
  ].join('\n')
}

const namesShown = 10

function leftOutLines(leftOut: ReadonlyMap<string, string>): string[] {
  if (leftOut.size === 0) return []
  const named = [...leftOut].map(([id, code]) => `${id} (${code})`)
  return [`Test pictures that cannot be read, left out (${leftOut.size}): ${firstOf(named, namesShown)}.`]
}

function shown(value: number | null | undefined, digits = 3): string {
  return value == null ? '–' : value.toFixed(digits)
}

/** Tells whether two reports are of the same pictures and split. */
function hashOf(images: readonly LabelledImage[]): string {
  return createHash('sha256')
    .update(images.map(({ id, label, split }) => `${id},${label},${split}`).join('\n'))
    .digest('hex')
    .slice(0, 16)
}
