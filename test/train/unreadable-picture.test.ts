import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { AlikeError, type ErrorCode } from '../../src/errors.js'
import { unreadablePicture } from '../../src/train/unreadable-picture.js'

const missing: unknown = await readFile('/no/such.jpg').catch((error: unknown) => error)
const exhausted = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' })
const causes: [what: string, cause: unknown, code: ErrorCode, says: RegExp][] = [
  [
    'a damaged picture',
    new AlikeError('image_unreadable', { detail: 'It ends.' }),
    'dataset_unusable',
    /read: .* It ends\.$/,
  ],
  ['one with too many pixels', new AlikeError('image_too_many_pixels'), 'dataset_unusable', /more pixels/],
  ['a file that has gone', missing, 'dataset_unusable', /ENOENT/],
  ['too many open files', exhausted, 'internal', /EMFILE/],
  ['a decoder that ended', new Error('A process of the loader ended.'), 'internal', /process of the loader/],
  ['no memory', new RangeError('Array buffer allocation failed'), 'internal', /allocation/],
]
for (const [what, cause, code, says] of causes) {
  test(`${what} is ${code === 'internal' ? 'no' : 'a'} fault of the picture, and the reason is told`, () => {
    const error = unreadablePicture('cats/1.jpg', cause)
    assert.equal(error.code, code)
    assert.match(error.message, says)
    assert.match(error.message, /"cats\/1\.jpg"/)
  })
}
