/** Random sequences of calls, each answer compared with what plain loops over plain records say. */
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { ComparedGalleries, type Step } from './sequences/compared-galleries.js'
import { decidingSteps } from './sequences/deciding-steps.js'
import { exampleSteps } from './sequences/example-steps.js'
import { compareEverything, gallerySteps, killDuring, limit, reopen } from './sequences/gallery-steps.js'
import { pagingSteps } from './sequences/paging-steps.js'
import { readingSteps } from './sequences/reading-steps.js'
import { ReopenedGalleries } from './sequences/reopened-galleries.js'
import { searchingSteps } from './sequences/searching-steps.js'
import { askedRuns, runSequences, type SequenceRuns } from './sequences/sequence-runs.js'
import { conditionalSteps, putMany, writingSteps } from './sequences/writing-steps.js'
import type { TestedEngine } from './tested-engine.js'

/** @param usualSequences unless `SEQUENCES` says otherwise */
export function randomSequencesSuite(engine: TestedEngine, usualSequences: number): void {
  const runs = askedRuns(usualSequences)
  test(`${runs.sequences} random sequences of calls answer as plain loops over plain records do`, async (t) => {
    await runRandomSequences(t, engine, runs)
  })
}

/** @returns number of sequences without a difference */
export async function runRandomSequences(t: TestContext, engine: TestedEngine, runs: SequenceRuns): Promise<number> {
  const place = await engine.newPlace(t)
  const compared = new ComparedGalleries(await engine.open(t, place), new ReopenedGalleries(t, engine, place), engine)
  return runSequences(compared, { first: putMany, step: stepsOf(engine), compareEnd: compareEverything }, runs)
}

function stepsOf({ placeAfterKill }: TestedEngine): fc.Arbitrary<Step> {
  return fc.oneof(
    { weight: 12, arbitrary: writingSteps },
    { weight: 2, arbitrary: conditionalSteps },
    { weight: 8, arbitrary: searchingSteps },
    { weight: 6, arbitrary: pagingSteps },
    { weight: 6, arbitrary: readingSteps },
    { weight: 4, arbitrary: decidingSteps },
    { weight: 2, arbitrary: exampleSteps },
    { weight: 2, arbitrary: gallerySteps },
    limit,
    reopen,
    ...(placeAfterKill === undefined
      ? []
      : [killDuring(fc.oneof(writingSteps, decidingSteps, gallerySteps), compareEverything)]),
  )
}
