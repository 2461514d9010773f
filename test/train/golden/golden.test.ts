import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { checkGolden, type Golden, type GoldenCheck, goldenList } from '../../../src/embedding/golden-check.js'
import { readModel } from '../../../src/embedding/model-manifest.js'
import { openEmbedder } from '../../../src/embedding/pooled-embedder.js'
import { createMetrics } from '../../../src/metrics/metrics.js'
import { drawGolden } from '../../../src/train/golden/drawings.js'
import { encodePng } from '../../../src/train/golden/png.js'
import { handmadeModel } from '../../support/handmade-onnx.js'
import { tinyModel } from '../../support/tiny-model.js'

const logger = { info() {}, warn() {}, error() {} }

async function check(folder: string): Promise<GoldenCheck | undefined> {
  const embedder = await openEmbedder({
    model: await readModel(folder),
    provider: 'cpu',
    requireCuda: false,
    workers: 1,
    maxBatch: 4,
    maxQueue: 8,
    logger,
    metrics: createMetrics().embedding,
  })
  try {
    return await checkGolden(embedder)
  } finally {
    await embedder.close()
  }
}

async function copyOfTiny(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'alike-golden-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await cp(await tinyModel(), folder, { recursive: true })
  return folder
}

test('a PNG of every pixel type is read back as drawn', async () => {
  for (const channels of [1, 3, 4] as const) {
    const pixels = Uint8Array.from({ length: 5 * 3 * channels }, (_, i) => (i * 37) % 256)
    const { data, info } = await sharp(encodePng({ width: 5, height: 3, channels, pixels }))
      .raw()
      .toBuffer({ resolveWithObject: true })
    assert.deepEqual([info.width, info.height], [5, 3])
    // grey may be decoded as three equal channels
    const read = channels === 1 ? data.filter((_, i) => i % info.channels === 0) : data
    assert.deepEqual([...read], [...pixels])
  }
})

test('golden pictures are small and always the same', () => {
  const drawings = drawGolden()
  assert.deepEqual(drawings, drawGolden())
  assert.ok(drawings.reduce((sum, { png }) => sum + png.length, 0) < 200_000)
})

test('an exported folder passes on the machine that made it', async () => {
  const found = await check(await tinyModel())
  assert.ok(found !== undefined && found.minCosine > 0.99999 && found.failure === undefined)
  assert.deepEqual([found.images, found.precision], [4, 'fp32'])
})

test('another picture under the name of a golden one is detected, and the reason names the cosine', async (t) => {
  const folder = await copyOfTiny(t)
  await cp(join(folder, 'golden', 'tiles.png'), join(folder, 'golden', 'rings.png'))
  const found = await check(folder)
  assert.ok(found!.minCosine < 0.999)
  assert.match(found!.failure!, /fp32 model gives other embeddings .* cosine over 4 golden pictures is -?0\.\d+/)
})

test('unusable golden pictures are refused', async (t) => {
  const folder = await copyOfTiny(t)
  const list = join(folder, 'golden', goldenList)
  const golden = JSON.parse(await readFile(list, 'utf8')) as Golden
  const rows: [Golden | string, RegExp][] = [
    [{ ...golden, modelId: '0000' }, /another model/],
    [{ ...golden, embeddings: {} }, /no golden embeddings of its fp32/],
    [{ ...golden, pictures: ['gone.png', ...golden.pictures.slice(1)] }, /gone\.png cannot be read/],
    ['{', /schema/],
  ]
  for (const [content, message] of rows) {
    await writeFile(list, typeof content === 'string' ? content : JSON.stringify(content))
    await assert.rejects(check(folder), { code: 'model_unreadable', message })
  }
})

test('a folder without golden pictures is not checked', async (t) => {
  assert.equal(await check((await handmadeModel(t)).folder), undefined)
})
