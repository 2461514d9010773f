/**
 * Runs the bench for GPU machines on this one, with a graph of a few kilobytes, to check that it completes. A long
 * test, because it expects responses within a second, which a loaded machine cannot guarantee.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { GpuBenchReport } from '../../bench/gpu-report.js'
import { handmadeModel } from '../support/handmade-onnx.js'

test('every part is measured and written as JSON and as a report, one row per variant', async (t) => {
  const { folder } = await handmadeModel(t)
  const out = await mkdtemp(join(tmpdir(), 'alike-bench-'))
  t.after(() => rm(out, { recursive: true, force: true }))
  const bench = fileURLToPath(new URL('../../bench/gpu.js', import.meta.url))
  const words = [
    '--out',
    out,
    '--model',
    folder,
    '--seconds',
    '1',
    '--clients',
    '1,3',
    '--stored',
    '8',
    '--pictures',
    '12',
    '--client-processes',
    '1',
    '--drawn',
    '4',
    '--variant',
    'one:EMBED_WORKERS=1',
    '--variant',
    'broken:PORT=none',
  ]
  await promisify(execFile)(process.execPath, [bench, ...words], { env: { PATH: process.env.PATH, PROVIDER: 'cpu' } })
  const report = JSON.parse(await readFile(join(out, 'gpu.json'), 'utf8')) as GpuBenchReport
  const [one, broken] = report.variants
  assert.deepEqual(
    report.variants.map(({ name }) => name),
    ['one', 'broken'],
  )
  assert.deepEqual(
    one?.loads.map(({ clients }) => clients),
    [1, 3],
  )
  for (const { perSecond, p50Ms, embedMs, refusals } of one?.loads ?? []) {
    assert(perSecond > 0 && p50Ms > 0 && embedMs >= 0)
    assert.deepEqual(refusals, {})
  }
  assert.deepEqual(
    one?.ingest.map(({ thumbnails, images }) => ({ thumbnails, images })),
    [
      { thumbnails: false, images: 12 },
      { thumbnails: true, images: 12 },
    ],
  )
  assert.equal(one?.service?.workers, 1)
  assert.match(broken?.failure ?? '', /before it was ready/, 'a variant that cannot start does not affect the others')
  assert.equal(report.network?.provider, 'cpu')
  assert.equal(report.decode.length, 6)
  const text = await readFile(join(out, 'gpu.md'), 'utf8')
  assert.match(text, /The network ran on the CPU/)
  assert.match(text, /\| one \| 3 \|/)
})
