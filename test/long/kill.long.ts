/** Hundreds of kill -9. `LONG_KILLS` sets how many, `LONG_SEED` at which moments. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordResult, setting } from '../support/long-report.js'
import { runKills } from '../support/run-kills.js'

const kills = setting('LONG_KILLS', 200)
const seed = setting('LONG_SEED', 20_260_301)

test(`nothing acknowledged is lost, and nothing deleted comes back, in ${kills} kills`, async (t) => {
  const startedAt = performance.now()
  const result = await runKills(t, { kills, seed })
  assert.ok(result.images.stored > 50)
  const { hit } = result
  await recordResult('kill', {
    question: 'After each kill -9, is everything acknowledged stored and found, and everything deleted gone?',
    facts: {
      kills,
      seed,
      minutes: Math.round((performance.now() - startedAt) / 6_000) / 10,
      'pictures at the end': result.images.stored,
      'ids deleted': result.images.deleted,
      jobs: result.jobs,
      'pictures of jobs skipped after two kills each': result.givenUp,
      'snapshots restored': result.snapshotsRestored,
      'slowest start, ms': Math.round(result.slowestStartMs),
      'lost or resurrected': 0,
    },
    table: {
      head: ['kills during', 'number'],
      rows: [
        ...Object.entries(result.kills).map(([phase, count]) => [
          phase === 'start'
            ? 'start: loading of model and data'
            : phase === 'writes'
              ? 'single writes and galleries'
              : `single writes and ${phase}`,
          count,
        ]),
        ['… of which while a job ran', hit.job],
        ['… of which while a snapshot was written', hit.snapshot],
        ['… of which while a graph was built', hit.building],
      ],
    },
  })
})
