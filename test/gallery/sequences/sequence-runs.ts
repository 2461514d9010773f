/** Runs random sequences of steps on galleries that are opened once, and compares everything at the end of each. */
import fc from 'fast-check'
import { type ComparedGalleries, names, type Step } from './compared-galleries.js'
import { compareEverything } from './gallery-steps.js'

export interface SequenceRuns {
  sequences: number
  /** Of a sequence. */
  stepsMax: number
  seed: number
  /** No further sequence begins after this time. Default: all of them. */
  budgetMs?: number | undefined
}

/** `SEQUENCES=2000 SEQUENCE_STEPS=100 SEQUENCE_SEED=7`: longer than in `npm test`, and others. */
export function askedRuns(usualSequences: number): SequenceRuns {
  const { SEQUENCES = usualSequences, SEQUENCE_STEPS = 40, SEQUENCE_SEED = 1 } = process.env
  return { sequences: Number(SEQUENCES), stepsMax: Number(SEQUENCE_STEPS), seed: Number(SEQUENCE_SEED) }
}

/**
 * @returns number of sequences without a difference
 * @throws Error with the seed and the shortest sequence found for which the comparison fails
 */
export async function runSequences(
  at: ComparedGalleries,
  step: fc.Arbitrary<Step>,
  { sequences, stepsMax, seed, budgetMs }: SequenceRuns,
): Promise<number> {
  let count = 0
  const sequence = fc.array(step, { maxLength: stepsMax, size: 'max' })
  const property = fc.asyncProperty(sequence, async (steps) => {
    await at.create(names[0])
    try {
      for (const one of steps) await one.take(at)
      await compareEverything(at)
      count++
    } finally {
      await clear(at)
    }
  })
  await fc.assert(property, {
    numRuns: sequences,
    seed,
    ...(budgetMs !== undefined && { interruptAfterTimeLimit: budgetMs, markInterruptAsFailure: false }),
  })
  return count
}

async function clear(at: ComparedGalleries): Promise<void> {
  for (const { name } of await at.galleries.list()) await at.galleries.delete(name)
  at.plain.clear()
  at.pages = []
}
