import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import type { SplitImage } from '../../src/datasets/split.js'
import { edited } from '../../src/image/edits.js'
import { prepareImage } from '../../src/image/prepare.js'
import { editedBatches, judgedEdits } from '../../src/train/edited-copies.js'
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

test('an unreadable picture is named', async () => {
  await assert.rejects(collected([imageOf('broken', Buffer.from('nothing'))]), {
    code: 'data_unreadable',
    message: /"broken"/,
  })
})
