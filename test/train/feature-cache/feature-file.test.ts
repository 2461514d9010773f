import assert from 'node:assert/strict'
import { mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FeatureFile, type MapShape } from '../../../src/train/feature-cache/feature-file.js'
import { smallDisk } from '../../support/full-disk.js'

const folder = await mkdtemp(join(tmpdir(), 'alike-features-'))
after(() => rm(folder, { recursive: true }))
const shape: MapShape = [1, 3, 2]
/** Row r: three places with two channels, all exact in half precision. */
const row = (r: number): number[] => [0, 1, 2, 3, 4, 5].map((i) => r * 8 + i / 2)

test('rows are read back as written, and mirrored place by place', async () => {
  const file = await FeatureFile.open(join(folder, 'maps'), 'x', shape)
  await file.write(0, Float32Array.from([row(0), row(1)].flat()))
  await file.write(2, Float32Array.from(row(2)))
  const into = new Float32Array(12)
  await file.read(2, false, into, 0)
  await file.read(1, true, into, 6)
  const [a, b, c, d, e, f] = row(1)
  assert.deepEqual([...into], [...row(2), e, f, c, d, a, b])
  await file.close()
})

test('rows count once they are synced, and only for their fingerprint and shape', async () => {
  const path = join(folder, 'counted')
  const rowsDone = async (...[fingerprint, itsShape]: [string, MapShape]) => {
    const file = await FeatureFile.open(path, fingerprint, itsShape)
    await file.close()
    return file.done
  }
  const file = await FeatureFile.open(path, 'weights and view', shape)
  await file.write(0, Float32Array.from(row(0)))
  assert.equal(await rowsDone('weights and view', shape), 0)
  await file.sync(1)
  await file.close()
  assert.equal(await rowsDone('weights and view', shape), 1)
  assert.equal(await rowsDone('weights and view', [1, 2, 3]), 0)
  assert.equal(await rowsDone('weights and view', shape), 0, 'replaced by the other shape')
  assert.equal(await rowsDone('another view', shape), 0)
})

test('rows that do not fit on the disk are an error, not a gap', async (t) => {
  const disk = await smallDisk(t, 64 << 10)
  if (disk === undefined) return t.skip('mounting a small disk needs root')
  const file = await FeatureFile.open(join(disk, 'maps'), 'x', [1, 1, 50_000])
  try {
    await assert.rejects(file.write(0, new Float32Array(50_000)), { code: 'ENOSPC' })
  } finally {
    await file.close()
  }
})

test('a truncated file is named', async () => {
  const path = join(folder, 'short')
  const file = await FeatureFile.open(path, 'x', shape)
  await file.write(0, Float32Array.from(row(0)))
  await truncate(path, 4096 + 5)
  await assert.rejects(file.read(0, false, new Float32Array(6), 0), /ends before row 0/)
  await file.close()
})
