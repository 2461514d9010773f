/** Galleries that come and go: created, deleted, opened again by this process or by the one after a kill. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type ComparedGalleries, name, type Step, step } from './compared-galleries.js'
import { compareDecided } from './deciding-steps.js'
import { compareStored } from './reading-steps.js'
import { compareAllSearches } from './searching-steps.js'

export const gallerySteps = fc.oneof(
  { weight: 4, arbitrary: step('create', fc.record({ name }), (at, { name }) => at.create(name)) },
  step('delete', fc.record({ name }), (at, { name }) => at.delete(name)),
)

/** Not while the process is killed: what is stored does not show whether the limit was. */
export const limit = step(
  'limit',
  fc.record({ name, maxImages: fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, fc.nat(40)) }),
  (at, { name, maxImages }) =>
    at.of(
      name,
      (galleries) => galleries.changeRules(name, { maxImages }),
      async (plain, answer) => {
        const { rules, count } = await answer()
        plain.maxImages = maxImages ?? Infinity
        assert.deepEqual([rules.maxImages, count], [maxImages ?? undefined, plain.images.size])
      },
    ),
)

/** Rankings are kept in the memory of the process. */
function expirePages(at: ComparedGalleries): void {
  for (const page of at.pages) page.hasExpired = true
}

export const reopen = step('reopen', fc.constant({}), async (at) => {
  at.galleries = await at.reopening.reopen(at.galleries)
  expirePages(at)
})

/**
 * What was acknowledged is there, what was deleted is not; the write in progress was done as a whole or not at all.
 * @param turnsMax of the event loop, of which a write takes some
 */
export function killDuring(
  writes: fc.Arbitrary<Step>,
  compareAll: (at: ComparedGalleries) => Promise<void>,
  turnsMax = 12,
): fc.Arbitrary<Step> {
  return step('kill during', fc.record({ write: writes, turns: fc.nat(turnsMax) }), async (at, { write, turns }) => {
    const before = new Map(Array.from(at.plain, ([name, plain]) => [name, plain.copy()]))
    let [isDone, isAcknowledged] = [false, false]
    const writing = write.take(at).then(() => {
      isDone = true
    })
    const killing = at.reopening.kill(turns, () => {
      isAcknowledged = isDone
    })
    await Promise.all([writing, killing])
    at.galleries = await at.reopening.reopen(at.galleries)
    expirePages(at)
    if (!isAcknowledged && !(await succeeds(() => compareAll(at)))) at.plain = before
    await compareAll(at)
  })
}

async function succeeds(compare: () => Promise<void>): Promise<boolean> {
  try {
    await compare()
    return true
  } catch (error) {
    if (error instanceof assert.AssertionError) return false
    throw error
  }
}

export async function compareEverything(at: ComparedGalleries): Promise<void> {
  await compareStored(at)
  await compareDecided(at)
  await compareAllSearches(at)
}
