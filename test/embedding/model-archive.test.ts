import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Header, pack } from 'tar-stream'
import { unpackModel } from '../../src/embedding/model-archive.js'
import { temporaryFolder } from '../support/temporary-folder.js'

type Entry = [header: Partial<Header> & { name: string }, content?: string]

async function tarOf(entries: Entry[]): Promise<Buffer> {
  const tar = pack()
  for (const [header, content = ''] of entries) tar.entry(header, content)
  tar.finalize()
  return buffer(tar)
}

async function unpacked(t: TestContext, bytes: Buffer, maxBytes = 1e6): Promise<string> {
  const folder = await temporaryFolder(t)
  await unpackModel(Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)]), folder, { maxBytes })
  return folder
}

const model: Entry[] = [
  [{ name: 'mine/', type: 'directory' }],
  [{ name: 'mine/manifest.json' }, '{}'],
  [{ name: 'mine/model.int8.onnx' }, 'weights'],
  [{ name: 'mine/split.json' }, '{}'],
  [{ name: 'mine/golden/golden.json' }, '[]'],
  [{ name: 'mine/plots/classes.svg' }, '<svg/>'],
  [{ name: 'mine/._manifest.json' }, 'of a file manager'],
]

test('a folder is unpacked unchanged, packed with its name or without, gzipped or not', async (t) => {
  const bare = model.slice(1).map(([header, content]): Entry => [{ name: `./${header.name.slice(5)}` }, content ?? ''])
  for (const bytes of [await tarOf(model), gzipSync(await tarOf(model)), await tarOf(bare)]) {
    const folder = await unpacked(t, bytes)
    assert.deepEqual((await readdir(folder)).sort(), ['golden', 'manifest.json', 'model.int8.onnx', 'plots'])
    assert.equal(await readFile(join(folder, 'model.int8.onnx'), 'utf8'), 'weights')
  }
})

test('anything but a model folder is refused', async (t) => {
  const refused: Record<string, [Buffer, string]> = {
    'a path that leaves the folder': [
      await tarOf([
        [{ name: '../model.onnx' }, 'x'],
        [{ name: 'a/../../b.onnx' }, 'x'],
      ]),
      'model_unreadable',
    ],
    'another file': [await tarOf([[{ name: 'mine/run.sh' }, 'x']]), 'model_unreadable'],
    'a link': [
      await tarOf([[{ name: 'mine/model.onnx', type: 'symlink', linkname: '/etc/passwd' }]]),
      'model_unreadable',
    ],
    'a file twice': [await tarOf([...model, ...model]), 'model_unreadable'],
    'no manifest': [await tarOf([[{ name: 'mine/model.onnx' }, 'x']]), 'model_unreadable'],
    'no tar': [Buffer.from('not an archive'.repeat(100)), 'model_unreadable'],
    'a gzip cut short': [gzipSync(await tarOf(model)).subarray(0, 100), 'model_unreadable'],
    'more than allowed': [await tarOf([[{ name: 'm/model.onnx' }, 'x'.repeat(2000)]]), 'body_too_large'],
  }
  for (const [what, [bytes, code]] of Object.entries(refused))
    await assert.rejects(unpacked(t, bytes, 1_000), { code }, what)
})

test('an upload that breaks off anywhere is refused, and never waited for', { timeout: 60_000 }, async (t) => {
  const tar = await tarOf([...model.slice(0, -1), [{ name: 'mine/golden/1.png' }, 'x'.repeat(5_000)]])
  const end = tar.length - 1_024 // of the last entry
  for (let length = 701; length < end; length += 300) {
    // in one piece: its end is known while the first file has yet to be created
    const upload = Readable.from([tar.subarray(0, length)])
    const reading = unpackModel(upload, await temporaryFolder(t), { maxBytes: 1e6 })
    await assert.rejects(reading, { code: 'model_unreadable' }, `cut at ${length}`)
  }
})

test('an upload that was given up before it is unpacked is not waited for', { timeout: 60_000 }, async (t) => {
  const signal = AbortSignal.abort(new Error('too slow'))
  const stalled = new Readable({ read() {} })
  const reading = unpackModel(stalled, await temporaryFolder(t), { maxBytes: 1e6, signal })
  await assert.rejects(reading, { message: 'too slow' })
})
