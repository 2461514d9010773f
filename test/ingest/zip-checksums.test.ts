import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import { type ArchiveEntry, zipOf } from '../support/archives.js'
import { readSource, told } from '../support/read-source.js'

test('a zip entry with a wrong checksum is an error line, packed or stored', async (t) => {
  const content = Buffer.from('a picture of forty bytes, more or less..')
  const flip = (packed: Buffer) => void (packed[packed.length >> 1]! ^= 0x10)
  const entries: ArchiveEntry[] = [
    { path: 'stored.jpg', content, isStored: true },
    { path: 'stored-spoilt.jpg', content, isStored: true, spoil: flip },
    { path: 'deflated.jpg', content },
    { path: 'deflated-spoilt.jpg', content: Buffer.concat([content, content, content]), spoil: flip },
    { path: 'empty.jpg', isStored: true },
  ]
  assert.deepEqual((await readSource(t, zipOf(entries), { kind: 'zip' })).map(told), [
    ['stored.jpg'],
    ['stored-spoilt.jpg', 'image_unreadable'],
    ['deflated.jpg'],
    ['deflated-spoilt.jpg', 'image_unreadable'],
    ['empty.jpg'],
  ])
})

test('a manifest with a wrong checksum is refused', async (t) => {
  const manifest = {
    path: 'manifest.csv',
    content: Buffer.from('filename,label\n1.jpg,cycling\n'),
    isStored: true,
    spoil: (packed: Buffer) => void packed.write('C', 20),
  }
  await assert.rejects(
    readSource(t, zipOf([manifest, { path: '1.jpg' }]), { kind: 'zip' }),
    (error) =>
      error instanceof AlikeError &&
      error.code === 'manifest_invalid' &&
      /damaged inside the archive/.test(error.message),
  )
})
