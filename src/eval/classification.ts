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
  /** [C, C] counts: row = true class, column = predicted class, in the order of `classes`. */
  confusion: number[][]
  classes: string[]
}

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
  const confusion = classes.map(() => classes.map(() => 0))
  const correct = new Float64Array(labels.length)
  let inTop3 = 0
  labels.forEach((label, row) => {
    const truth = columnOf.get(label)
    if (truth === undefined) throw new RangeError(`the class ${label} has no logit`)
    const order = descending(logits.subarray(row * classes.length, (row + 1) * classes.length))
    confusion[truth]![order[0]!]!++
    correct[row] = Number(order[0] === truth)
    inTop3 += Number(order.indexOf(truth) < 3)
  })

  const perClass = Object.fromEntries(classes.map((name, column) => [name, classQuality(confusion, column)]))
  const occurring = Object.values(perClass).filter(({ support }) => support > 0)
  return {
    pictures: labels.length,
    accuracy: sum(correct) / labels.length,
    accuracyInterval: bootstrapIntervals(new Map([['accuracy', correct]]), bootstrapSamples, seed).accuracy ?? null,
    top3Accuracy: inTop3 / labels.length,
    macroF1: sum(occurring.map(({ f1 }) => f1)) / occurring.length,
    perClass,
    confusion,
    classes: [...classes],
  }
}

function classQuality(confusion: readonly number[][], column: number): ClassQuality {
  const hits = confusion[column]![column]!
  const support = sum(confusion[column]!)
  const named = sum(confusion.map((row) => row[column]!))
  return {
    support,
    precision: named === 0 ? 0 : hits / named,
    recall: support === 0 ? 0 : hits / support,
    f1: support + named === 0 ? 0 : (2 * hits) / (support + named),
  }
}

function descending(row: Float32Array): number[] {
  return Array.from(row, (_, column) => column).sort((a, b) => row[b]! - row[a]! || a - b)
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
