import assert from 'node:assert/strict'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { defaultDeal } from '../../src/datasets/split.js'
import { recordOf } from '../../src/datasets/split-record.js'
import { dataHash, logParts, readTrainingData, type TrainingData } from '../../src/train/training-data.js'
import { temporaryFolder } from '../support/temporary-folder.js'

/** Labels with so many files each, which are no pictures. */
async function labelsOf(t: TestContext, counts: Record<string, number>): Promise<string> {
  const folder = await temporaryFolder(t)
  for (const [label, count] of Object.entries(counts)) {
    await mkdir(join(folder, label))
    for (let i = 0; i < count; i++) await writeFile(join(folder, label, `${i}.jpg`), `${label} ${i}`)
  }
  return folder
}

const refusals: [what: string, counts: Record<string, number>, says: RegExp][] = [
  ['one label', { cat: 20 }, /at least two labels/],
  ['labels too small for validation', { cat: 4, dog: 4 }, /no pictures in the part val: .* needs 5 pictures/],
]
for (const [what, counts, says] of refusals) {
  test(`data of ${what} is refused with this reason`, async (t) => {
    const source = { data: await labelsOf(t, counts), ...defaultDeal }
    await assert.rejects(readTrainingData(source), { code: 'dataset_unusable', message: says })
  })
}

test('one label large enough for validation and test is enough; what val cannot show is told', async (t) => {
  const told = async (counts: Record<string, number>) => {
    const lines: string[] = []
    logParts(await readTrainingData({ data: await labelsOf(t, counts), ...defaultDeal }), (line) => lines.push(line))
    return lines
  }
  const [parts, unknown, unmeasured] = await told({ cat: 5, dog: 2 })
  assert.equal(parts, '2 labels; pictures: train 5, val 1, test 1')
  assert.match(unknown!, /mAP@10 is unknown, and the most accurate epoch is chosen/)
  assert.equal(
    unmeasured,
    'labels without a picture in val: 1 (dog), in test: 1 (dog); the numbers of those parts say nothing about them',
  )
  assert.deepEqual(
    (await told({ cat: 15, dog: 15, elk: 3 }))[1],
    'labels without a picture in val: 1 (elk); the numbers of that part say nothing about them',
  )
  assert.deepEqual(await told({ cat: 15, dog: 15 }), ['2 labels; pictures: train 20, val 4, test 6'])
})

test('copies in several parts, and copies with several labels, are told', async (t) => {
  const folder = await temporaryFolder(t)
  const files = ['train/cat/a 1', 'train/dog/b 2', 'val/cat/c 3', 'test/cat/d 1', 'train/dog/e 2', 'train/cat/f 2']
  for (const [path, content] of files.map((file) => file.split(' ') as [string, string])) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, `${path}.jpg`), content)
  }
  const lines: string[] = []
  logParts(await readTrainingData({ data: folder, ...defaultDeal }), (line) => lines.push(line))
  assert.deepEqual(lines.slice(2), [
    'groups of copies in more than one part of the data: 1 (test/cat/d.jpg = train/cat/a.jpg); its numbers will be too good',
    'groups of copies with different labels: 1 (train/cat/f.jpg = train/dog/e.jpg); some of these labels are probably wrong',
    'labels without a picture in val: 1 (dog), in test: 1 (dog); the numbers of those parts say nothing about them',
  ])
})

async function told(data: string): Promise<string[]> {
  const lines: string[] = []
  await readTrainingData({ data, ...defaultDeal }, (line) => lines.push(line))
  return lines
}

test('folders of labels without a picture are told', async (t) => {
  const folder = await labelsOf(t, { cat: 15, dog: 15 })
  await mkdir(join(folder, 'empty'))
  await mkdir(join(folder, 'raw', 'deep'), { recursive: true })
  await writeFile(join(folder, 'raw', 'deep', 'a.cr2'), 'raw')
  assert.deepEqual(await told(folder), ['folders left out because there are no pictures in them: 2 (empty, raw)'])
})

test('pictures that lie beside the folders of labels are told, with some names', async (t) => {
  const folder = await labelsOf(t, { cat: 15, dog: 15 })
  assert.deepEqual(await told(folder), [])
  for (const name of ['a.jpg', 'b.png', 'c.webp', 'd.jpg', '.hidden.jpg', 'notes.txt'])
    await writeFile(join(folder, name), name)
  const [line] = await told(folder)
  assert.equal(
    line,
    'pictures left out because they lie beside the folders of labels: 4 (a.jpg, b.png, c.webp and 1 more)',
  )

  const splits = await temporaryFolder(t)
  for (const split of ['train', 'val', 'test'])
    await cp(await labelsOf(t, { cat: 3, dog: 3 }), join(splits, split), { recursive: true })
  await writeFile(join(splits, 'val', 'loose.jpg'), 'loose')
  assert.match((await told(splits))[0]!, /: 1 \(val\/loose\.jpg\)$/)
})

test('a network is not tested on what its teacher or its starting network was trained on', async (t) => {
  const source = { data: await labelsOf(t, { cat: 40, dog: 40 }), ...defaultDeal }
  const earlier = await temporaryFolder(t)
  const { images } = await readTrainingData(source)
  await writeFile(join(earlier, 'split.json'), (await recordOf(images)).text)
  const trained = new Set(images.filter(({ split }) => split === 'train').map(({ id }) => id))
  const seenBy = ({ images, val, test }: TrainingData) =>
    [...val, ...test].filter((index) => trained.has(images[index]!.id)).length
  assert.notEqual(seenBy(await readTrainingData({ ...source, seed: 2 })), 0)
  for (const from of [{ init: earlier }, { init: join(earlier, 'weights'), teachers: [earlier] }])
    assert.equal(seenBy(await readTrainingData({ ...source, ...from, seed: 2 })), 0)
})

test('the hash of the data follows what people judged, not where that is stored', async (t) => {
  const folder = await labelsOf(t, { cat: 12, dog: 12 })
  const { images, train } = await readTrainingData({ data: folder, ...defaultDeal })
  const [one, other] = train.map((index) => images[index]!.id)
  const hashWith = async (name: string, verdict: string) => {
    const feedback = join(folder, name)
    await writeFile(feedback, JSON.stringify({ query: { id: one }, hit: other, verdict }))
    return dataHash(await readTrainingData({ data: folder, ...defaultDeal, feedback }))
  }
  const right = await hashWith('first.ndjson', 'right')
  assert.equal(await hashWith('second.ndjson', 'right'), right)
  assert.notEqual(await hashWith('first.ndjson', 'wrong'), right)
})
