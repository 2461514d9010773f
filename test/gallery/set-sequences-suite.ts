/** Random sequences of calls while a gallery's other set is filled, kept up to date, switched to and removed. */
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { ComparedGalleries, type Step } from './sequences/compared-galleries.js'
import { compareAllCaughtUp, compareSets } from './sequences/compared-sets.js'
import { decidingSteps } from './sequences/deciding-steps.js'
import { exampleSteps } from './sequences/example-steps.js'
import { compareEverything, gallerySteps, killDuring, limit, reopen } from './sequences/gallery-steps.js'
import { moving, noticing } from './sequences/move-steps.js'
import { withSets } from './sequences/opened-sets.js'
import { pagingSteps } from './sequences/paging-steps.js'
import { readingSteps } from './sequences/reading-steps.js'
import { ReopenedGalleries } from './sequences/reopened-galleries.js'
import { searchingSteps } from './sequences/searching-steps.js'
import { askedRuns, runSequences, type SequenceRuns } from './sequences/sequence-runs.js'
import { fill, setChanges, setReadings, setSteps } from './sequences/set-steps.js'
import { writingSteps } from './sequences/writing-steps.js'
import type { TestedEngine } from './tested-engine.js'

/** @param usualSequences unless `SEQUENCES` says otherwise */
export function setSequencesSuite(engine: TestedEngine, usualSequences: number): void {
  const runs = askedRuns(usualSequences)
  test(`${runs.sequences} random sequences of calls answer the same while sets are built and switched to`, async (t) => {
    await runSetSequences(t, engine, runs)
  })
}

/** Between the engine and the embedded one. */
export function moveSequencesSuite(engine: TestedEngine, usualSequences: number): void {
  const runs = askedRuns(usualSequences)
  test(`${runs.sequences} random sequences of calls answer the same while galleries move`, async (t) => {
    await runMoveSequences(t, engine, runs)
  })
}

/** @returns number of sequences without a difference */
export function runSetSequences(t: TestContext, engine: TestedEngine, runs: SequenceRuns): Promise<number> {
  const killed =
    engine.placeAfterKill === undefined
      ? []
      : [killDuring(writingSteps, compareKilled), killDuring(setChanges, compareKilled, turnsOfExchange)]
  const steps = fc.oneof(
    { weight: 24, arbitrary: usualSteps },
    { weight: 16, arbitrary: setSteps },
    { weight: 2, arbitrary: decidingSteps },
    ...killed,
  )
  return runSteps(t, engine, steps, runs)
}

/** The same, without judgements: they are kept or not, as the engine does. */
export function runMoveSequences(t: TestContext, engine: TestedEngine, runs: SequenceRuns): Promise<number> {
  const move = moving([engine.name, 'embedded'])
  const steps = fc.oneof(
    { weight: 24, arbitrary: usualSteps },
    { weight: 8, arbitrary: move },
    { weight: 8, arbitrary: setReadings },
    { weight: 2, arbitrary: setChanges },
  )
  return runSteps(t, engine, noticing(steps), runs)
}

const usualSteps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: writingSteps },
  { weight: 4, arbitrary: searchingSteps },
  { weight: 3, arbitrary: pagingSteps },
  { weight: 2, arbitrary: readingSteps },
  exampleSteps,
  gallerySteps,
  limit,
  reopen,
)

async function runSteps(
  t: TestContext,
  engine: TestedEngine,
  steps: fc.Arbitrary<Step>,
  runs: SequenceRuns,
): Promise<number> {
  const tested = withSets(engine)
  const place = await tested.newPlace(t)
  const compared = new ComparedGalleries(await tested.open(t, place), new ReopenedGalleries(t, tested, place), tested)
  return runSequences(compared, { first: fill, step: steps, compareEnd }, runs)
}

/** About as many as it takes. */
const turnsOfExchange = 1_500

async function compareKilled(at: ComparedGalleries): Promise<void> {
  await compareEverything(at)
  await compareSets(at)
}

async function compareEnd(at: ComparedGalleries): Promise<void> {
  await compareEverything(at)
  await compareAllCaughtUp(at)
}
