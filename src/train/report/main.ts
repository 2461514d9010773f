/** `npm run judge`: what an exported network is worth, on val unless test is asked for, with one view of each picture and with several. */
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { readLabelledImages } from '../../datasets/labelled-images.js'
import { type SplitImage, withSplit } from '../../datasets/split.js'
import { type Model, type Precision, precisions, readModel } from '../../embedding/model-manifest.js'
import { AlikeError } from '../../errors.js'
import { evaluateClassification } from '../../eval/classification.js'
import { evaluateCopies, meanFirstHit } from '../../eval/copies.js'
import { evaluateRetrieval } from '../../eval/quality.js'
import { seededRandom } from '../../eval/random.js'
import { oneOf, refuse } from '../command-line.js'
import { type OnnxSession, openOnnx } from '../onnx/onnx-session.js'
import { defaultSettings } from '../settings.js'
import { embedExported, embedExportedCopies } from './embed-exported.js'
import { share, table } from './markdown.js'

export const judgeUsage = `npm run judge -- --model FOLDER --data FOLDER [options]
  --model FOLDER        a network folder, onnx/NAME
  --data FOLDER         labelled pictures, as for npm run train
  --labels CSV          as for npm run train
  --split val|test      pictures that query each other (default val: test is for the report of a finished run)
  --precision ${precisions.join('|')}  to judge (default: the first that the folder has)
  --mirror              also with the mirror image of every picture averaged in
  --views 2|3|4         also with so many views averaged; 2 is --mirror
  --copies              also edited copies`

export interface JudgeOptions {
  model: Model
  precision: Precision
  images: readonly SplitImage[]
  /** Rows of the table. */
  viewCounts: readonly number[]
  copies: boolean
}

/** What a row of the table says; null where the pictures do not tell. */
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
  /** Edit → share found first; absent where they were not asked for. */
  copies?: Record<string, number> | undefined
}

/** @throws Error with the usage when an option is unknown, missing or none of its choices; AlikeError `model_unreadable`, `data_unreadable` */
export async function judgeOptionsOf(args: readonly string[]): Promise<JudgeOptions> {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: text,
      data: text,
      labels: text,
      split: text,
      precision: text,
      mirror: flag,
      views: text,
      copies: flag,
    },
  })
  if (values.model === undefined || values.data === undefined) refuse('--model and --data are needed', judgeUsage)
  const model = await readModel(values.model)
  const has = (precision: Precision) =>
    model.manifest.files[precision] !== undefined && !(model.absent ?? []).includes(precision)
  const present = precisions.filter(has)
  const precision = oneOf('precision', values.precision ?? present[0]!, present, judgeUsage)
  const split = oneOf('split', values.split ?? 'val', ['val', 'test'], judgeUsage)
  const views = Number(
    oneOf(
      'views',
      values.views ?? (values.mirror === true ? '2' : '1'),
      values.views === undefined ? ['1', '2'] : ['2', '3', '4'],
      judgeUsage,
    ),
  )
  const { seed } = model.manifest.provenance
  // the split that training made, where the data has none of its own
  const random = seededRandom(typeof seed === 'number' ? seed : defaultSettings.seed)
  const all = withSplit(await readLabelledImages(values.data, values.labels), defaultSettings.shares, random)
  const images = all.filter((image) => image.split === split)
  if (images.length === 0)
    throw new AlikeError('data_unreadable', { detail: `There are no pictures in the part ${split}.` })
  return { model, precision, images, viewCounts: views === 1 ? [1] : [1, views], copies: values.copies ?? false }
}

export async function judge({ model, precision, images, viewCounts, copies }: JudgeOptions): Promise<Judgement> {
  const session = await openOnnx(join(model.folder, model.manifest.files[precision]!.file), {
    threads: availableParallelism(),
  })
  try {
    const views: JudgedViews[] = []
    for (const count of viewCounts) views.push(await judgeViews(model, session, images, count))
    if (!copies) return { images: images.length, views }
    const found = evaluateCopies(
      await embedExportedCopies(model, session, images),
      await embedExported(model, session, images),
    )
    return { images: images.length, views, copies: { ...found.firstHit, mean: meanFirstHit(found) ?? NaN } }
  } finally {
    await session.close()
  }
}

async function judgeViews(
  model: Model,
  session: OnnxSession,
  images: readonly SplitImage[],
  views: number,
): Promise<JudgedViews> {
  const { labels } = model.manifest
  const rows = await embedExported(model, session, images, views)
  const { overall } = evaluateRetrieval(rows, rows, { bootstrapSamples: 0 })
  // classes that were held out have no logit
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

if (process.argv[1] !== undefined && pathToFileURL(resolve(process.argv[1])).href === import.meta.url) {
  try {
    const options = await judgeOptionsOf(process.argv.slice(2))
    console.log(
      `${options.model.manifest.name} ${options.model.manifest.id}, ${options.precision}, ${options.images.length} pictures\n`,
    )
    console.log(judgementTable(await judge(options)))
  } catch (error) {
    console.error(error instanceof AlikeError ? `${error.code}: ${error.message}` : error)
    process.exitCode = 1
  }
}
