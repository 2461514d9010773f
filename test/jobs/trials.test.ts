import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobRecord } from '../../src/jobs/job.js'
import { nextTrial, type Trial } from '../../src/jobs/trials.js'

const deathsMax = 4
const job = (more: Partial<JobRecord>) => ({ state: 'running', trials: null, failure: null, ...more }) as JobRecord
const interrupted = { code: 'job_interrupted', detail: '' }
const alone = (tries: number) => ({ item: 7, tries })

for (const [what, record, begunHere, expected] of [
  [
    'a job that waits has no deaths',
    job({ state: 'queued' }),
    false,
    { trials: { runs: 1, alone: null, givenUp: 0 }, deaths: 0, giveUp: undefined },
  ],
  [
    'one that was stopped in peace has none, and what it gave up stays given up',
    job({ state: 'queued', trials: { runs: 3, alone: alone(2), givenUp: 2 } }),
    false,
    { trials: { runs: 1, alone: null, givenUp: 2 }, deaths: 0, giveUp: undefined },
  ],
  [
    'one that ran when the process died',
    job({ trials: { runs: 1, alone: null, givenUp: 0 } }),
    false,
    { trials: { runs: 2, alone: null, givenUp: 0 }, deaths: 1, giveUp: undefined },
  ],
  [
    'one that this process has begun',
    job({ trials: { runs: 3, alone: alone(2), givenUp: 1 } }),
    true,
    { trials: { runs: 1, alone: null, givenUp: 1 }, deaths: 0, giveUp: undefined },
  ],
  [
    'one whose item was tried alone once',
    job({ trials: { runs: 2, alone: alone(1), givenUp: 0 } }),
    false,
    { trials: { runs: 3, alone: alone(1), givenUp: 0 }, deaths: 2, giveUp: undefined },
  ],
  [
    'one whose item was tried alone twice, however often it died',
    job({ trials: { runs: 9, alone: alone(2), givenUp: 4 } }),
    false,
    { trials: { runs: 10, alone: alone(2), givenUp: 4 }, deaths: 9, giveUp: 7 },
  ],
  [
    'one of an older version that stopped it in peace',
    job({ trials: { runs: 0, alone: null, givenUp: 1 } }),
    false,
    { trials: { runs: 1, alone: null, givenUp: 1 }, deaths: 0, giveUp: undefined },
  ],
  [
    'one of an older version without trials',
    job({}),
    false,
    { trials: { runs: 2, alone: null, givenUp: 0 }, deaths: 1, giveUp: undefined },
  ],
  [
    'one of an older version that died twice',
    job({ failure: interrupted }),
    false,
    { trials: { runs: 3, alone: null, givenUp: 0 }, deaths: 2, giveUp: undefined },
  ],
] as [string, JobRecord, boolean, Trial][]) {
  test(`${what} is started accordingly`, () => assert.deepEqual(nextTrial(record, { begunHere, deathsMax }), expected))
}

for (const [what, record, detail] of [
  ['over which the process died too often', job({ trials: { runs: 4, alone: null, givenUp: 0 } }), /4 times/],
  [
    'whose item was tried alone only once by then',
    job({ trials: { runs: 4, alone: alone(1), givenUp: 0 } }),
    /4 times/,
  ],
  [
    'with too many items that end the process',
    job({ trials: { runs: 1, alone: alone(2), givenUp: 5 } }),
    /more than 5 pictures/,
  ],
] as [string, JobRecord, RegExp][]) {
  test(`a job ${what} is not started again`, () => {
    assert.throws(() => nextTrial(record, { begunHere: false, deathsMax }), {
      code: 'job_interrupted',
      message: detail,
    })
  })
}
