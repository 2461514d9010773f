import assert from 'node:assert/strict'
import { test } from 'node:test'
import { descriptorBytes } from '../../src/copies/copy-descriptor.js'
import { AlikeError } from '../../src/errors.js'
import { errorOf, errorReplyOf, imageOf, type MadeImage, neededOf, replyOf } from '../../src/image/decoder-protocol.js'
import type { ImageWork } from '../../src/image/image-work.js'

const preprocessing = {
  inputSize: 8,
  fit: 'cover' as const,
  resizeShortSide: 8,
  kernel: 'linear' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const work: ImageWork = { kind: 'prepare', options: { preprocessing, maxPixels: 100, views: 2, copies: true } }
const view = (value: number) => new Uint8Array(8 * 8 * 3).fill(value)

test('the result is transferred part by part', () => {
  const { header, body } = replyOf(1, {
    width: 3,
    height: 2,
    format: 'png',
    views: [view(1), view(2)],
    describe: () => new Uint8Array(descriptorBytes).fill(9),
    thumbnail: Buffer.from('small'),
  })
  const { made } = JSON.parse(JSON.stringify(header)) as { made: MadeImage }
  const image = imageOf(made, Buffer.concat(body), work)
  assert.deepEqual(
    [image.width, image.height, image.format, image.views.map((pixels) => [...new Set(pixels)])],
    [3, 2, 'png', [[1], [2]]],
  )
  assert.deepEqual([[...new Set(image.describe!())], Buffer.from(image.thumbnail!).toString()], [[9], 'small'])
  for (const part of [image.describe!(), image.thumbnail!])
    assert.equal(part.buffer.byteLength, part.length, 'a thread that it is posted to receives the whole buffer')
})

test('a reply that does not match the request is rejected', () => {
  const made: MadeImage = { width: 3, height: 2, format: 'png', views: [192, 192], copyDescriptor: 0 }
  const body = Buffer.alloc(384)
  assert.equal(imageOf(made, body, work).views.length, 2)
  const lies: [Partial<Record<keyof MadeImage, unknown>>, Buffer<ArrayBuffer>?][] = [
    [{ width: 0 }],
    [{ height: 1.5 }],
    [{ width: '3' }],
    [{ format: 'exe' }],
    [{ views: [192] }],
    [{ views: [192, 191] }],
    [{ views: 384 }],
    [{ thumbnail: 1 }],
    [{ thumbnail: -1 }],
    [{ copyDescriptor: 1e9 }],
    [{ copyDescriptor: undefined }],
    [{ copyDescriptor: 1 }, Buffer.alloc(385)],
    [{}, Buffer.alloc(385)],
    [{}, Buffer.alloc(100)],
  ]
  for (const [lie, bytes = body] of lies)
    assert.throws(() => imageOf({ ...made, ...lie } as MadeImage, bytes, work), RangeError, JSON.stringify(lie))
})

test('a decoder asks for more memory than it has, as a number', () => {
  assert.deepEqual(neededOf(101, 100), { neededBytes: 101 })
  assert.deepEqual(neededOf(2 ** 70, 100), { neededBytes: 2 ** 70 }, 'a file may state any size')
  for (const lie of [undefined, null, '101', 'much', Number.NaN, 100, -1])
    assert.throws(() => neededOf(lie, 100), RangeError, String(lie))
})

test('errors keep their code and detail; an unknown code is rejected', () => {
  const reply = errorReplyOf(1, new AlikeError('region_invalid', { detail: 'There.' })) as {
    error: { code: string; detail: string; reason: string }
  }
  const error = errorOf(reply.error)
  assert.deepEqual([error.code, error.detail], ['region_invalid', 'There.'])
  assert.equal(errorOf({ code: 'toString', reason: '' }).code, 'internal')
  assert.equal((errorReplyOf(1, new TypeError('no')) as { error: { code: string } }).error.code, 'internal')
})
