/** Decisions about findings, and judgements of hits. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { NewDecision } from '../../../src/gallery/decisions.js'
import { model } from '../stored-images.js'
import { type ComparedGalleries, name, step } from './compared-galleries.js'
import { id, label } from './drawn-values.js'

const ids = fc.array(id, { minLength: 1, maxLength: 3 })
const by = fc.constant('someone')
const decision: fc.Arbitrary<NewDecision> = fc.oneof(
  fc.record({ kind: fc.constant('label' as const), decision: fc.constantFrom('keep-label', 'dismissed'), ids, by }),
  fc.record({ kind: fc.constant('label' as const), decision: fc.constant('set-label' as const), label, ids, by }),
  fc.record({ kind: fc.constant('copies' as const), decision: fc.constantFrom('not-copies', 'dismissed'), ids, by }),
  ids.map((ids) => ({ kind: 'copies' as const, decision: 'keep-one' as const, keep: ids[0]!, ids, by: 'someone' })),
)

const decide = step('decide', fc.record({ name, decision }), (at, { name, decision }) =>
  at.of(
    name,
    async (galleries) => (await galleries.decisions(name)).decide(decision),
    async (plain, answer) => {
      if (decision.ids.some((id) => plain.get(id) === undefined))
        return assert.rejects(answer(), { code: 'image_not_found' })
      plain.decide((await answer()).number, decision)
    },
  ),
)

const takeBack = step('take back', fc.record({ name, nth: fc.nat(3) }), (at, { name, nth }) => {
  const number = at.plain.get(name)?.decisions[nth]?.number ?? 1_000_000
  return at.of(
    name,
    async (galleries) => (await galleries.decisions(name)).takeBack(number),
    async (plain, answer) => {
      if (plain.decisions[nth] === undefined) return assert.rejects(answer(), { code: 'decision_not_found' })
      await answer()
      plain.takeBack(number)
    },
  )
})

const judge = step(
  'judge',
  fc.record({ name, query: id, hit: id, verdict: fc.constantFrom('right' as const, 'wrong' as const) }),
  (at, { name, query, hit, verdict }) =>
    at.of(
      name,
      async (galleries) => {
        const judged = {
          query: { id: query },
          hit,
          verdict,
          by: 'someone',
          at: '2026-01-02T03:04:05Z',
          modelId: model.id,
        }
        return (await galleries.feedback(name)).record([judged])
      },
      async (plain, answer) => {
        if ([query, hit].some((id) => plain.get(id) === undefined))
          return assert.rejects(answer(), { code: 'image_not_found' })
        const counts = await answer()
        assert.equal(counts[plain.judge({ query, hit, verdict })], 1)
      },
    ),
)

/** All decisions and judgements of all galleries. */
export async function compareDecided(at: Pick<ComparedGalleries, 'galleries' | 'plain'>): Promise<void> {
  for (const [name, plain] of at.plain) {
    const decided = await (await at.galleries.decisions(name)).page(0, 100)
    assert.deepEqual(
      decided.map(({ number, decision, images }) => ({ number, decision, images })),
      plain.decisions.map(({ number, decision: { decision }, images }) => ({ number, decision, images })),
    )
    const judged = await (await at.galleries.feedback(name)).page(0, 100)
    assert.deepEqual(
      judged.map(({ query, hit, verdict, queryLabel, hitLabel }) => ({ query, hit, verdict, queryLabel, hitLabel })),
      plain.judgements.map(({ query, hit, verdict }) => ({
        query: { id: query },
        hit,
        verdict,
        queryLabel: plain.get(query)!.label,
        hitLabel: plain.get(hit)!.label,
      })),
    )
  }
}

export const decidingSteps = fc.oneof(
  { weight: 2, arbitrary: decide },
  takeBack,
  judge,
  step('compare decided', fc.constant({}), compareDecided),
)
