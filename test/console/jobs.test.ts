/** How the console words the progress of a job. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { progressText } from '../../src/console/jobs/progress-text.js'

const running = {
  kind: 'ingest',
  state: 'running',
  paused: false,
  done: 620,
  total: 1_841,
  skipped: 0,
  failed: 3,
  picturesPerSecond: 96.4,
  secondsLeft: 12.7,
  finishedAt: null,
}

test('progress is told in what the kind of job counts', () => {
  const told = [
    [running, 'running · 620 of 1,841 pictures · 3 failed · 96 a second · 13 s left'],
    [{ ...running, failed: 0, total: null, secondsLeft: null }, 'running · 620 pictures done · 96 a second'],
    [{ ...running, kind: 'layout', failed: 0 }, 'running · 620 of 1,841 steps · 13 s left'],
    [{ ...running, kind: 'doctor', failed: 0 }, 'running · 620 of 1,841 steps · 13 s left'],
    [{ ...running, kind: 'evaluate', failed: 0, paused: true }, 'paused · 620 of 1,841 steps · 13 s left'],
  ] as const
  for (const [job, text] of told) assert.equal(progressText(job), text)
})

test('of a job that has not begun no progress is told', () => {
  const waits = { ...running, state: 'queued', done: 0, total: null, failed: 0, picturesPerSecond: null }
  assert.equal(progressText({ ...waits, secondsLeft: null }), 'queued')
})
