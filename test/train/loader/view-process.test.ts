import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import type { FromViewProcess, ToViewProcess } from '../../../src/train/loader/view-maker.js'
import { drawImage } from '../../support/drawn-images.js'

const preprocessing = {
  inputSize: 8,
  fit: 'squash' as const,
  resizeShortSide: 8,
  kernel: 'linear' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}

async function viewBy(child: ChildProcess): Promise<FromViewProcess> {
  const bytes = await drawImage('circle', 1)
  child.send({ ticket: 1, bytes, order: { preprocessing } } satisfies ToViewProcess)
  const ended = once(child, 'exit').then(() => assert.fail('it ended'))
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [FromViewProcess]
  return message
}

test('a view process outlives the signals that stop a run, and ends with the run', async () => {
  const child = fork(new URL('../../../src/train/loader/view-process.js', import.meta.url), {
    serialization: 'advanced',
  })
  const first = await viewBy(child)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) child.kill(signal)
  assert.deepEqual(await viewBy(child), first)
  child.disconnect()
  assert.deepEqual(await once(child, 'exit'), [0, null])
})
