/** Runs random sequences of steps on galleries that are opened once, and compares what they contain at the end of each. */
import fc from 'fast-check'
import { listGalleries } from '../stored-images.js'
import { type ComparedGalleries, names, type Step } from './compared-galleries.js'

export interface SequenceRuns {
  sequences: number
  /** Of a sequence. */
  stepsMax: number
  seed: number
}

/** `SEQUENCES=2000 SEQUENCE_STEPS=100 SEQUENCE_SEED=7`: longer than in `npm test`, and others. */
export function askedRuns(usualSequences: number): SequenceRuns {
  const { SEQUENCES = usualSequences, SEQUENCE_STEPS = 40, SEQUENCE_SEED = 1 } = process.env
  return { sequences: Number(SEQUENCES), stepsMax: Number(SEQUENCE_STEPS), seed: Number(SEQUENCE_SEED) }
}

export interface Sequence {
  /** Before all others. Default: none. */
  first?: fc.Arbitrary<Step> | undefined
  step: fc.Arbitrary<Step>
  compareEnd(at: ComparedGalleries): Promise<void>
}

/** Each begins with an empty gallery. @returns, @throws as `runProperty` */
export async function runSequences(
  at: ComparedGalleries,
  { first, step, compareEnd }: Sequence,
  runs: SequenceRuns,
): Promise<number> {
  const begin = first === undefined ? fc.constant([]) : fc.tuple(first)
  const others = fc.array(step, { maxLength: runs.stepsMax, size: 'max' })
  return runProperty(fc.tuple(begin, others), runs, async (steps) => {
    await at.create(names[0])
    try {
      for (const one of steps.flat()) await one.take(at)
      await compareEnd(at)
    } finally {
      await clear(at)
    }
  })
}

/**
 * @returns number of sequences without a difference
 * @throws Error with the seed and the shortest sequence found for which the comparison fails
 */
export async function runProperty<Drawn>(
  drawn: fc.Arbitrary<Drawn>,
  { sequences, seed }: SequenceRuns,
  compare: (drawn: Drawn) => Promise<void>,
): Promise<number> {
  let count = 0
  const property = fc.asyncProperty(drawn, async (one) => {
    await compare(one)
    count++
  })
  await fc.assert(property, { numRuns: sequences, seed })
  return count
}

async function clear(at: ComparedGalleries): Promise<void> {
  for (const { name } of await listGalleries(at.galleries)) await at.galleries.delete(name)
  at.plain.clear()
  at.pages = []
}
