import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import sharp from 'sharp'
import type { SplitImage } from '../../src/datasets/split.js'
import { edited } from '../../src/image/edits.js'
import { prepareImage } from '../../src/image/prepare.js'
import { editedBatches, judgedEdits } from '../../src/train/edited-copies.js'
import { bmpOf } from '../support/bitmaps.js'
import { drawImage } from '../support/drawn-images.js'

const preprocessing = {
  inputSize: 24,
  fit: 'squash' as const,
  resizeShortSide: 24,
  kernel: 'linear' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}

function imageOf(id: string, bytes: Uint8Array): SplitImage {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  return { id, label: 'a', split: 'val', group: id, source: { bytes: shared } }
}

async function collected(images: readonly SplitImage[]) {
  const rows: { id: string; edit: string; pixels: Uint8Array }[] = []
  for await (const batch of editedBatches(images, preprocessing)) {
    batch.images.forEach(({ id }, i) =>
      rows.push({ id, edit: batch.edits[i]!, pixels: batch.pixels.subarray(i * 24 * 24 * 3, (i + 1) * 24 * 24 * 3) }),
    )
  }
  return rows
}

test('every edit of every picture occurs once, on the pixel path of serving', async () => {
  const bytes = await Promise.all([1, 2, 3, 4].map((seed) => drawImage('circle', seed)))
  const rows = await collected(bytes.map((each, i) => imageOf(`${i}`, each)))
  assert.deepEqual(
    rows.map(({ id, edit }) => `${edit} of ${id}`),
    judgedEdits.flatMap((edit) => bytes.map((_, i) => `${edit} of ${i}`)),
  )
  const { pixels } = await prepareImage(await edited(bytes[2]!, 'grey'), { preprocessing, maxPixels: 1e6 })
  assert.deepEqual(Buffer.from(rows.find(({ id, edit }) => id === '2' && edit === 'grey')!.pixels), Buffer.from(pixels))
})

test('a rotated picture is edited as displayed, a transparent one on white, and the smallest one too', async () => {
  const left = { create: { width: 30, height: 60, channels: 3 as const, background: '#000000' } }
  const upright = await sharp({ create: { width: 60, height: 60, channels: 3, background: '#ffffff' } })
    .composite([{ input: await sharp(left).png().toBuffer(), left: 0, top: 0 }])
    .png()
    .toBuffer()
  const turned = await sharp(await sharp(upright).rotate(270).toBuffer())
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 100 })
    .toBuffer()
  const clear = await sharp({
    create: { width: 40, height: 40, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  })
    .png()
    .toBuffer()
  const dot = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#336699' } })
    .png()
    .toBuffer()
  const rows = await collected([imageOf('turned', turned), imageOf('clear', clear), imageOf('dot', dot)])
  for (const edit of judgedEdits) {
    const of = (id: string) => rows.find((row) => row.id === id && row.edit === edit)!.pixels
    const at = (x: number, y: number) => of('turned')[(y * 24 + x) * 3]!
    assert.ok(at(6, 12) < 40 && at(18, 12) > 215, `${edit}: dark on the left`)
    assert.ok(
      of('clear').every((value) => value > 250),
      `${edit}: white`,
    )
    assert.equal(of('dot').length, 24 * 24 * 3)
  }
})

for (const name of ['srgb.heic', 'srgb.jxl', 'display-p3-16-bits.tif', 'display-p3-10-bits.heic', 'scan.bmp']) {
  test(`every format of a data set can be edited: ${name}`, async () => {
    const rgb = new Uint8Array(64 * 48 * 3).map((_, i) => (i * 7) % 251)
    const bytes = name.endsWith('.bmp')
      ? bmpOf(rgb, { width: 64, height: 48, bits: 24 })
      : await readFile(`test/image/formats/${name}`)
    const whole = { preprocessing: { ...preprocessing, inputSize: 4 }, maxPixels: 1e6 }
    const { pixels: shown } = await prepareImage(bytes, whole)
    const { pixels: copy } = await prepareImage(await edited(bytes, 'half size'), whole)
    const furthest = Math.max(...shown.map((value, i) => Math.abs(value - copy[i]!)))
    assert.ok(furthest < 24, `${furthest} levels between the picture and its copy`)
    assert.equal((await collected([imageOf(name, bytes)])).length, judgedEdits.length)
  })
}

test('an unreadable picture is named', async () => {
  await assert.rejects(collected([imageOf('broken', Buffer.from('nothing'))]), {
    code: 'dataset_unusable',
    message: /"broken"/,
  })
})
