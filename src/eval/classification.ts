/** Quality of the classes predicted by the network itself. */
import { bootstrapIntervals, type Interval } from './bootstrap.js'

export interface ClassQuality {
  /** True members. */
  support: number
  precision: number
  recall: number
  f1: number
}

export interface ClassificationQuality {
  pictures: number
  accuracy: number
  accuracyInterval: Interval | null
  /** Share of pictures whose true class is among the three most likely. */
  top3Accuracy: number
  /** Mean F1 over the classes that occur. */
  macroF1: number
  perClass: Record<string, ClassQuality>
  /** Counts: row = true class, column = predicted class, in the order of `confused`. */
  confusion: number[][]
  /** Of more than 100 classes, 100 with the most frequent confusions; absent if the matrix has all. */
  confused?: string[] | undefined
  classes: string[]
}

/** Without a maximum, a confusion matrix of 1,000 classes has a million numbers. */
const maxConfused = 100

export interface ClassificationOptions {
  /** Resamples for the interval; 0 for none. Default 1,000. */
  bootstrapSamples?: number
  /** Default 1. */
  seed?: number
}

/**
 * @param logits [n, C]; ties go to the first class
 * @param labels true class of each row; must be in `classes`
 * @param classes names of the C columns
 */
export function evaluateClassification(
  logits: Float32Array,
  labels: readonly string[],
  classes: readonly string[],
  options: ClassificationOptions = {},
): ClassificationQuality {
  const { bootstrapSamples = 1000, seed = 1 } = options
  const columnOf = new Map(classes.map((name, column) => [name, column]))
  const cells = new Map<number, number>()
  const correct = new Float64Array(labels.length)
  let inTop3 = 0
  labels.forEach((label, row) => {
    const truth = columnOf.get(label)
    if (truth === undefined) throw new RangeError(`the class ${label} has no logit`)
    const order = descending(logits.subarray(row * classes.length, (row + 1) * classes.length))
    const cell = truth * classes.length + order[0]!
    cells.set(cell, (cells.get(cell) ?? 0) + 1)
    correct[row] = Number(order[0] === truth)
    inTop3 += Number(order.indexOf(truth) < 3)
  })

  const perClass = qualities(cells, classes)
  const occurring = Object.values(perClass).filter(({ support }) => support > 0)
  return {
    pictures: labels.length,
    accuracy: sum(correct) / labels.length,
    accuracyInterval: bootstrapIntervals(new Map([['accuracy', correct]]), bootstrapSamples, seed).accuracy ?? null,
    top3Accuracy: inTop3 / labels.length,
    macroF1: sum(occurring.map(({ f1 }) => f1)) / occurring.length,
    perClass,
    ...confusionOf(cells, classes),
    classes: [...classes],
  }
}

/** Pictures by true class × C + predicted class; only of pairs that occur. */
type Cells = ReadonlyMap<number, number>

function qualities(cells: Cells, classes: readonly string[]): Record<string, ClassQuality> {
  const [hits, support, named] = [0, 0, 0].map(() => new Float64Array(classes.length)) as Triple<Float64Array>
  for (const [cell, count] of cells) {
    const [truth, predicted] = pairOf(cell, classes)
    support[truth]! += count
    named[predicted]! += count
    if (truth === predicted) hits[truth]! += count
  }
  return Object.fromEntries(classes.map((name, i) => [name, classQuality([hits[i]!, support[i]!, named[i]!])]))
}

type Triple<T> = [hits: T, support: T, named: T]

function classQuality([hits, support, named]: Triple<number>): ClassQuality {
  return {
    support,
    precision: named === 0 ? 0 : hits / named,
    recall: support === 0 ? 0 : hits / support,
    f1: support + named === 0 ? 0 : (2 * hits) / (support + named),
  }
}

function confusionOf(cells: Cells, classes: readonly string[]): Pick<ClassificationQuality, 'confusion' | 'confused'> {
  const isWhole = classes.length <= maxConfused
  const chosen = isWhole ? [...classes.keys()] : mostConfused(cells, classes)
  const confusion = chosen.map((truth) => chosen.map((named) => cells.get(truth * classes.length + named) ?? 0))
  return isWhole ? { confusion } : { confusion, confused: chosen.map((index) => classes[index]!) }
}

/** Both classes of the most frequent confusions, filled up with others; in their own order. */
function mostConfused(cells: Cells, classes: readonly string[]): number[] {
  const pairs = [...cells].sort(([a, x], [b, y]) => y - x || a - b).map(([cell]) => pairOf(cell, classes))
  const wrong = pairs.filter(([truth, named]) => truth !== named).flat()
  return [...new Set([...wrong, ...classes.keys()])].slice(0, maxConfused).sort((a, b) => a - b)
}

function pairOf(cell: number, { length }: readonly string[]): [truth: number, named: number] {
  return [Math.floor(cell / length), cell % length]
}

function descending(row: Float32Array): number[] {
  return Array.from(row, (_, column) => column).sort((a, b) => row[b]! - row[a]! || a - b)
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
