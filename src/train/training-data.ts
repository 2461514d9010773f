/** The data set of a run: pictures, labels and the three parts. */
import { createHash } from 'node:crypto'
import { firstOf } from '../command-line.js'
import { leftOut } from '../datasets/labelled-images.js'
import { emptyPart, groupsAcross, type SplitImage } from '../datasets/split.js'
import { readSplitImages } from '../datasets/split-images.js'
import { readRecords, type SplitRecord } from '../datasets/split-record.js'
import { AlikeError } from '../errors.js'
import { type JudgedPair, readJudgedPairs } from './feedback/judged-pairs.js'
import { isRankable } from './rankable.js'
import type { TrainSettings } from './settings.js'

const shownExamples = 3

export interface TrainingData {
  images: SplitImage[]
  /** Sorted; the order of the logits. */
  labels: string[]
  /** Indices into `images`. */
  train: number[]
  val: number[]
  test: number[]
  /** Label index of each picture of `train`, in the same order. */
  classOf: number[]
  /** Human judgements on pairs of `train` pictures; empty without feedback. */
  judged: readonly JudgedPair[]
  /** Splits of the networks that the run starts from, or is taught by. */
  learntFrom: readonly SplitRecord[]
}

/** Where the network starts, and what it is taught by: it must not be tested on what they were trained on. */
interface LearntFrom {
  init?: string | undefined
  teachers?: readonly string[] | undefined
}

export async function readTrainingData(
  source: Pick<TrainSettings, 'data' | 'labels' | 'shares' | 'seed' | 'feedback'> & LearntFrom,
  log: (line: string) => void = () => {},
): Promise<TrainingData> {
  const { init, teachers = [] } = source
  const networks = [...(init === undefined ? [] : [init]), ...teachers]
  const learntFrom = await readRecords(networks)
  const images = await readSplitImages({ ...source, records: learntFrom })
  const { pictures, folders } = await leftOut(source.data, source.labels)
  for (const [what, paths] of [
    ['pictures left out because they lie beside the folders of labels', pictures],
    ['folders left out because there are no pictures in them', folders],
  ] as const)
    if (paths.length > 0) log(`${what}: ${paths.length} (${firstOf(paths, shownExamples)})`)
  const part = (split: string): number[] => [...images.keys()].filter((index) => images[index]!.split === split)
  const [train, val, test] = [part('train'), part('val'), part('test')]
  const labels = [...new Set(train.map((index) => images[index]!.label))].sort()
  // the test part may hold untrained classes: protocol C evaluates them
  const stranger = val.find((index) => !labels.includes(images[index]!.label))
  if (stranger !== undefined)
    throw new AlikeError('dataset_unusable', {
      detail: `The label "${images[stranger]!.label}" has no picture to train on.`,
    })
  if (labels.length < 2) throw new AlikeError('dataset_unusable', { detail: 'Training needs at least two labels.' })
  const empty = val.length === 0 ? 'val' : test.length === 0 ? 'test' : undefined
  if (empty !== undefined) throw new AlikeError('dataset_unusable', { detail: emptyPart(empty, source.shares) })
  const classOf = train.map((index) => labels.indexOf(images[index]!.label))
  const { feedback } = source
  const data = { images, labels, train, val, test, classOf, learntFrom }
  if (feedback === undefined) return { ...data, judged: [] }
  const { pairs, lines, unknown, undecided } = await readJudgedPairs(feedback, { images, train })
  const right = pairs.filter((pair) => pair.right).length
  log(
    `feedback: ${lines} judgements give ${right} pairs that belong together and ${pairs.length - right} that do not; ` +
      `${unknown} are of pictures that are not trained on, ${undecided} pairs are undecided`,
  )
  return { ...data, judged: pairs }
}

/** What there is of each part, and what that means for the run. */
export function logParts({ images, labels, train, val, test }: TrainingData, log: (line: string) => void): void {
  log(`${labels.length} labels; pictures: train ${train.length}, val ${val.length}, test ${test.length}`)
  if (!isRankable(val.map((index) => images[index]!)))
    log(
      'no two val pictures share a label, not counting copies: mAP@10 is unknown, and the most accurate epoch is chosen',
    )
  const [astray, doubtful] = [groupsAcross(images, 'split'), groupsAcross(images, 'label')]
  const examples = (groups: string[][]) =>
    `${groups.length} (${firstOf(
      groups.map((ids) => ids.join(' = ')),
      shownExamples,
    )})`
  if (astray.length > 0)
    log(`groups of copies in more than one part of the data: ${examples(astray)}; its numbers will be too good`)
  if (doubtful.length > 0)
    log(`groups of copies with different labels: ${examples(doubtful)}; some of these labels are probably wrong`)
  const unmeasured = Object.entries({ val, test }).flatMap(([part, indices]) => {
    const measured = new Set(indices.map((index) => images[index]!.label))
    const lacking = labels.filter((label) => !measured.has(label))
    return lacking.length === 0 ? [] : [`in ${part}: ${lacking.length} (${firstOf(lacking, shownExamples)})`]
  })
  if (unmeasured.length > 0)
    log(
      `labels without a picture ${unmeasured.join(', ')}; the numbers of ${unmeasured.length > 1 ? 'those parts' : 'that part'} say nothing about them`,
    )
}

/**
 * SHA-256 over ids, labels, splits, groups and judged pairs, hex: a run resumed with others might be tested on what it
 * has seen.
 */
export function dataHash({ images, judged }: Pick<TrainingData, 'images' | 'judged'>): string {
  const facts = images.map(({ id, label, split, group }) => [id, label, split, group])
  return createHash('sha256')
    .update(JSON.stringify([facts, judged]))
    .digest('hex')
}
