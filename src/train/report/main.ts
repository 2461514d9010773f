/**
 * `npm run judge`: evaluates an exported network, on val unless test is requested, with one view of each picture and
 * with several.
 */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { command, oneOf, runCommand, wholeNumber } from '../../command-line.js'
import { emptyPart, type SplitImage } from '../../datasets/split.js'
import { readSplitImages, trainedSplitOf } from '../../datasets/split-images.js'
import { readRecords } from '../../datasets/split-record.js'
import {
  type Model,
  networkFile,
  onCpu,
  type Precision,
  precisions,
  precisionsIn,
  readModel,
} from '../../embedding/model-manifest.js'
import { AlikeError } from '../../errors.js'
import { evaluateClassification } from '../../eval/classification.js'
import { evaluateCopies, meanFirstHit } from '../../eval/copies.js'
import { evaluateRetrieval } from '../../eval/quality.js'
import { expandMax } from '../../eval/ranking.js'
import { type OnnxSession, openOnnx } from '../onnx/onnx-session.js'
import { embedExported, embedExportedCopies } from './embed-exported.js'
import { share, table } from './markdown.js'

export interface JudgeOptions {
  model: Model
  precision: Precision
  images: readonly SplitImage[]
  /** Rows of the table. */
  viewCounts: readonly number[]
  /** Number of best hits that expand each query. Default: none. */
  expand?: number | undefined
  copies: boolean
}

/** One row of the table; null if the pictures do not allow the measurement. */
export interface JudgedViews {
  views: number
  accuracy: number | null
  'mAP@1': number | null
  'mAP@10': number | null
  'mAP@50': number | null
  normalisedMeanRank: number | null
}

export interface Judgement {
  images: number
  views: JudgedViews[]
  /** Edit → share found first; absent if not requested. */
  copies?: Record<string, number> | undefined
}

export function judgeCommand() {
  return command(
    'npm run judge --',
    'Measures the quality of an exported network, on val pictures unless test is requested.',
  )
    .requiredOption('--model <folder>', 'a network folder, onnx/NAME')
    .requiredOption('--data <folder>', 'labelled pictures, as for npm run train')
    .option('--labels <csv>', 'as for npm run train')
    .option('--split <val|test>', 'pictures that query each other', oneOf(['val', 'test']), 'val')
    .option(`--precision <${precisions.join('|')}>`, 'file to judge; default: as served on a CPU', oneOf(precisions))
    .option('--mirror', 'also with the mirror image of every picture averaged in: --views 2', false)
    .option('--views <count>', 'also with this many views averaged', wholeNumber(2, 4))
    .option('--expand <hits>', 'expand each query by this many of its best hits', wholeNumber(1, expandMax))
    .option('--copies', 'also measure how well edited copies are found', false)
}
type JudgeArguments = ReturnType<ReturnType<typeof judgeCommand>['opts']>

/** @throws AlikeError `model_unreadable`, `dataset_unusable`, `split_differs` */
export async function judgeOptionsOf({
  data,
  labels,
  split,
  copies,
  expand,
  ...rest
}: JudgeArguments): Promise<JudgeOptions> {
  const model = await readModel(rest.model)
  const present = precisionsIn(model)
  const precision = rest.precision ?? onCpu.find((one) => present.includes(one))!
  if (!present.includes(precision))
    throw new AlikeError('model_unreadable', { detail: `It has no ${precision} file, only ${present.join(', ')}.` })
  const views = rest.views ?? (rest.mirror ? 2 : 1)
  const trained = trainedSplitOf(model.manifest.provenance)
  const all = await readSplitImages({ data, labels, ...trained, records: await readRecords([rest.model]) })
  const images = all.filter((image) => image.split === split)
  if (images.length === 0) throw new AlikeError('dataset_unusable', { detail: emptyPart(split) })
  return { model, precision, images, viewCounts: views === 1 ? [1] : [1, views], expand, copies }
}

export async function judge({
  model,
  precision,
  images,
  viewCounts,
  expand,
  copies,
}: JudgeOptions): Promise<Judgement> {
  const session = await openOnnx(networkFile(model, precision)!, { threads: availableParallelism() })
  try {
    const views: JudgedViews[] = []
    for (const count of viewCounts) views.push(await judgeViews(session, { model, images, expand }, count))
    if (!copies) return { images: images.length, views }
    const found = evaluateCopies(
      await embedExportedCopies(model, session, images),
      await embedExported(model, session, images),
      { expand },
    )
    return { images: images.length, views, copies: { ...found.firstHit, mean: meanFirstHit(found) ?? NaN } }
  } finally {
    await session.close()
  }
}

async function judgeViews(
  session: OnnxSession,
  { model, images, expand }: Pick<JudgeOptions, 'model' | 'images' | 'expand'>,
  views: number,
): Promise<JudgedViews> {
  const { labels } = model.manifest
  const rows = await embedExported(model, session, images, views)
  const { overall } = evaluateRetrieval(rows, rows, { expand, bootstrapSamples: 0 })
  // held-out classes have no logit
  const isNamed = rows.labels.every((label) => labels.includes(label))
  const accuracy = isNamed
    ? evaluateClassification(rows.logits, rows.labels, labels, { bootstrapSamples: 0 }).accuracy
    : null
  const { 'mAP@1': first, 'mAP@10': ten, 'mAP@50': fifty, normalisedMeanRank } = overall
  return { views, accuracy, 'mAP@1': first ?? null, 'mAP@10': ten ?? null, 'mAP@50': fifty ?? null, normalisedMeanRank }
}

export function judgementTable({ views, copies }: Judgement): string {
  const rows = views.map((row) => [
    String(row.views),
    share(row.accuracy),
    share(row['mAP@1']),
    share(row['mAP@10']),
    share(row['mAP@50']),
    share(row.normalisedMeanRank),
  ])
  const quality = table(['views', 'accuracy', 'mAP@1', 'mAP@10', 'mAP@50', 'normalised mean rank'], rows)
  return copies === undefined
    ? quality
    : `${quality}\n\n${table(
        ['edited copy', 'found first'],
        Object.entries(copies).map(([edit, found]) => [edit, share(found)]),
      )}`
}

async function run(args: JudgeArguments): Promise<void> {
  const options = await judgeOptionsOf(args)
  const { model, precision, images } = options
  console.log(`${model.manifest.name} ${model.manifest.id}, ${precision}, ${images.length} pictures\n`)
  console.log(judgementTable(await judge(options)))
}

if (process.argv[1] !== undefined && pathToFileURL(resolve(process.argv[1])).href === import.meta.url)
  await runCommand(judgeCommand().action(run))
