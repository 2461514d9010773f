/**
 * A few kilobytes that would decode to gigabytes, sent to a service with a small budget;
 * `test/long/hostile-memory.long.ts` does the same under the limits of the container.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryFolder } from '../support/app.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { hostileImages } from '../support/hostile-images.js'
import { sendHostile } from '../support/hostile-load.js'
import { peakBytes } from '../support/memory-limit.js'
import { allocator, startProcess } from '../support/service-process.js'

const mebibyte = 2 ** 20
const budget = 96 * mebibyte

test('hostile pictures take no more memory than the budget, and the service survives', async (t) => {
  const environment = {
    DATA_DIR: await temporaryFolder(t),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    DECODE_MEMORY_MAX_BYTES: String(budget),
    ...allocator,
  }
  const service = await startProcess(t, environment)
  const before = peakBytes(service.pid)
  const { answers, jobs } = await sendHostile(service.address, await hostileImages(2_500), 1)
  const taken = peakBytes(service.pid) - before
  t.diagnostic(
    `${Math.round(taken / mebibyte)} MiB above ${Math.round(before / mebibyte)}; ${JSON.stringify([...answers])}`,
  )

  assert.deepEqual(
    jobs.map(({ state, total, done }) => [state, total, done]),
    jobs.map(() => ['completed_with_errors', 16, 16]),
  )
  assert.ok((answers.get('422 image_too_much_memory') ?? 0) > 0 && (answers.get('line image_too_much_memory') ?? 0) > 0)
  assert.ok((answers.get('200') ?? 0) > 0, 'what fits the budget is accepted, one after another')
  // the rest: bodies, responses, and memory kept by the allocator
  assert.ok(taken < budget + 160 * mebibyte, `${taken}`)
  assert.equal((await fetch(`${service.address}/readyz`)).status, 200)
  assert.equal(await service.stop('SIGTERM'), 0)
})
