/** Whoever judges a network reads its pictures in the parts that it was trained with, however the folder has changed. */
import assert from 'node:assert/strict'
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { SplitImage } from '../../src/datasets/split.js'
import { readSplitImages } from '../../src/datasets/split-images.js'
import { readRecords, recordOf } from '../../src/datasets/split-record.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const write = (folder: string, label: string, numbers: readonly number[]) =>
  Promise.all(numbers.map((i) => writeFile(join(folder, label, `${i}.jpg`), `${label} ${i}`)))
const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i)
const partsOf = (images: readonly SplitImage[]) => new Map(images.map(({ id, split }) => [id, split]))

/** Labels of forty pictures, and the folder of a network that was trained with them. */
async function trainedOn(t: TestContext) {
  const [data, network] = [await temporaryFolder(t), await temporaryFolder(t)]
  for (const label of ['cat', 'dog']) {
    await mkdir(join(data, label))
    await write(data, label, upTo(40))
  }
  const images = await readSplitImages({ data })
  const { text, sha256 } = await recordOf(images)
  await writeFile(join(network, 'split.json'), text)
  return { data, network, sha256, images, parts: partsOf(images) }
}

test('pictures keep the parts of a network although others were added; the others are dealt', async (t) => {
  const { data, network, parts } = await trainedOn(t)
  await write(data, 'cat', upTo(40, 100))
  const drawn = partsOf(await readSplitImages({ data }))
  assert.ok([...parts].some(([id, part]) => part === 'train' && drawn.get(id) === 'test'))
  // others may have no record, or one of other pictures
  const [unrecorded, ofOthers] = [await temporaryFolder(t), await temporaryFolder(t)]
  await writeFile(join(ofOthers, 'split.json'), (await recordOf([])).text)
  const records = await readRecords([unrecorded, network, ofOthers])
  const kept = partsOf(await readSplitImages({ data, records }))
  for (const [id, part] of parts) assert.equal(kept.get(id), part, id)
  const added = [...kept].filter(([id]) => !parts.has(id)).map(([, part]) => part)
  assert.deepEqual(new Set(added), new Set(['train', 'val', 'test']))
})

test('a picture keeps its part under another name, and a copy of it gets the same', async (t) => {
  const { data, network, parts } = await trainedOn(t)
  const [trained] = [...parts].find(([id, part]) => id.startsWith('cat/') && part === 'train')!
  const number = Number(/\d+/.exec(trained))
  await rename(join(data, trained), join(data, 'cat/renamed.jpg'))
  await writeFile(join(data, 'dog/copy.jpg'), `cat ${number}`)
  const kept = partsOf(await readSplitImages({ data, records: await readRecords([network]), seed: 2 }))
  assert.deepEqual([kept.get('cat/renamed.jpg'), kept.get('dog/copy.jpg')], ['train', 'train'])
})

test('pictures that turn out to be copies leave val and test, if one of them was trained on', async (t) => {
  const { data, network, images } = await trainedOn(t)
  const [trained, tested] = (['train', 'test'] as const).map((part) => images.find(({ split }) => split === part)!)
  const groupOf = (id: string) => (id === trained!.id || id === tested!.id ? 'copies' : '')
  const rows = images.map(({ id, label }) => `${id},${label},${groupOf(id)}`)
  await writeFile(join(data, 'labels.csv'), ['filename,label,duplicate_group', ...rows].join('\n'))
  assert.equal(partsOf(await readSplitImages({ data, records: await readRecords([network]) })).get(tested!.id), 'train')
})

test('a picture that an earlier network trained on is refused as val or test; one that it only tested on is not', async (t) => {
  const { data, network, images } = await trainedOn(t)
  const stated = async (split: (image: SplitImage) => string) => {
    const rows = images.map((image) => `${image.id},${image.label},${split(image)}`)
    await writeFile(join(data, 'labels.csv'), ['filename,label,split', ...rows].join('\n'))
    return readSplitImages({ data, records: await readRecords([network]) })
  }
  const moved = images.find(({ split }) => split === 'train')!
  for (const part of ['val', 'test'])
    await assert.rejects(
      stated((image) => (image === moved ? part : image.split)),
      { code: 'split_differs', message: new RegExp(`1 of its pictures, such as "${moved.id}" in ${part}`) },
    )
  // without val, for which pictures are dealt
  await assert.rejects(
    stated((image) => (image === moved ? 'test' : image.split === 'val' ? 'train' : image.split)),
    { code: 'split_differs' },
  )
  const retired = await stated(({ split }) => (split === 'test' ? 'val' : split))
  assert.equal(retired.filter(({ split }) => split === 'test').length, 0)
})

test('a validation part that was drawn is drawn again; a picture moved from test to train does not return', async (t) => {
  const { data, network, images } = await trainedOn(t)
  const rows = images.map(({ id, label, split }) => `${id},${label},${split === 'test' ? 'test' : 'train'}`)
  await writeFile(join(data, 'labels.csv'), ['filename,label,split', ...rows].join('\n'))
  assert.deepEqual(
    partsOf(await readSplitImages({ data, records: await readRecords([network]), seed: 9 })),
    new Map(images.map(({ id, split }) => [id, split])),
  )
  const moved = images.find(({ split }) => split === 'test')!.id
  const csv = rows.map((row) => (row.startsWith(`${moved},`) ? row.replace(/test$/, 'train') : row))
  await writeFile(join(data, 'labels.csv'), ['filename,label,split', ...csv].join('\n'))
  assert.notEqual(partsOf(await readSplitImages({ data, records: await readRecords([network]) })).get(moved), 'test')
})

test('where only the checksum of the record is known, a split drawn otherwise is refused', async (t) => {
  const { data, sha256, parts } = await trainedOn(t)
  assert.deepEqual(partsOf(await readSplitImages({ data, recordSha256: sha256 })), parts)
  await assert.rejects(readSplitImages({ data, recordSha256: sha256, seed: 2 }), { code: 'split_differs' })
  await write(data, 'cat', [40])
  await assert.rejects(readSplitImages({ data, recordSha256: sha256 }), { code: 'split_differs', message: /--model/ })
})

test('a network keeps the parts of the one it started from, apart from its own', async (t) => {
  const first = await trainedOn(t)
  const second = await temporaryFolder(t)
  // other data, with some pictures of the first
  const [data, shared] = [await temporaryFolder(t), first.images.filter((_, i) => i % 8 === 0)]
  for (const label of ['cat', 'dog']) {
    await mkdir(join(data, label))
    await write(data, label, upTo(40, 100))
  }
  for (const { id, source } of shared) await copyFile((source as { path: string }).path, join(data, id))
  const images = await readSplitImages({ data, records: await readRecords([first.network]) })
  const { text, sha256 } = await recordOf(images, await readRecords([first.network]))
  assert.equal(sha256, (await recordOf(images)).sha256, 'of its own parts')
  await writeFile(join(second, 'split.json'), text)
  const [record] = await readRecords([second])
  assert.equal(record!.sha256, sha256)
  assert.equal(
    Object.values(record!.parts).reduce((sum, { size }) => sum + size, 0),
    80 + 80,
    'each picture once',
  )

  // the data of the first, drawn otherwise
  await write(first.data, 'cat', upTo(40, 200))
  const judged = partsOf(await readSplitImages({ data: first.data, records: await readRecords([second]), seed: 2 }))
  for (const [id, part] of first.parts) assert.equal(judged.get(id), part, id)
  const trained = first.images.find(({ id, split }) => split === 'train' && shared.every((one) => one.id !== id))!
  const rows = first.images.map(({ id, label, split }) => `${id},${label},${id === trained.id ? 'test' : split}`)
  await writeFile(join(first.data, 'labels.csv'), ['filename,label,split', ...rows].join('\n'))
  await assert.rejects(readSplitImages({ data: first.data, records: await readRecords([second]) }), {
    code: 'split_differs',
  })
})

test('of pictures that several earlier networks had in different parts, the record has the part most learnt from', async (t) => {
  const folders = await Promise.all([temporaryFolder(t), temporaryFolder(t)])
  const stored = [
    { train: ['a'], val: ['b'], test: ['c'] },
    { train: ['c'], val: [], test: ['a', 'b', 'd'] },
  ]
  const keyOf = (letter: string) => letter.repeat(16)
  for (const [i, { train, val, test: held }] of stored.entries()) {
    const parts = { train: train.map(keyOf), val: val.map(keyOf), test: held.map(keyOf) }
    await writeFile(join(folders[i]!, 'split.json'), JSON.stringify(parts))
  }
  const { text } = await recordOf([], await readRecords(folders))
  assert.deepEqual((JSON.parse(text) as { earlier: unknown }).earlier, {
    train: ['a', 'c'].map(keyOf),
    val: ['b'].map(keyOf),
    test: ['d'].map(keyOf),
  })
})

test('a record names no picture, and a damaged one is refused', async (t) => {
  const { data, network, images } = await trainedOn(t)
  const { text } = await recordOf([...images.slice(2), { ...images[0]!, source: { path: join(data, 'gone.jpg') } }])
  const { train, val, test: held } = JSON.parse(text) as Record<string, string[]>
  assert.equal([...train!, ...val!, ...held!].filter((hash) => /^[0-9a-f]{16}$/.test(hash)).length, images.length - 2)
  const weights = join(data, images[0]!.id)
  assert.deepEqual(await readRecords([weights]), [], 'weights in one file')
  await writeFile(join(network, 'split.json'), text.slice(0, -9))
  await assert.rejects(readRecords([network]), { code: 'model_unreadable', message: /split\.json/ })
})
