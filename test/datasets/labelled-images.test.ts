import assert from 'node:assert/strict'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type TestContext, test } from 'node:test'
import { createGzip } from 'node:zlib'
import { pack } from 'tar-stream'
import { readLabelledImages } from '../../src/datasets/labelled-images.js'
import { readUnlabelledImages } from '../../src/datasets/split-images.js'
import { AlikeError } from '../../src/errors.js'

/** Path → content, written to a temporary folder. */
async function folderWith(t: TestContext, files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'alike-data-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

async function writeTar(path: string, entries: Record<string, string>): Promise<void> {
  const archive = pack()
  for (const [name, content] of Object.entries(entries)) archive.entry({ name }, content)
  archive.finalize()
  await (path.endsWith('.gz')
    ? pipeline(archive, createGzip(), createWriteStream(path))
    : pipeline(archive, createWriteStream(path)))
}

const refused = (detail: RegExp) => (error: unknown) =>
  error instanceof AlikeError && error.code === 'dataset_unusable' && detail.test(error.message)

test('a folder per class gives labels without a split; other files are skipped', async (t) => {
  const folder = await folderWith(t, {
    'cat/a.jpg': '1',
    'cat/notes.txt': '',
    'dog/b.PNG': '2',
    'dog/saved by a browser.jfif': '4',
    '.cache/c.jpg': '3',
    'read.me': '',
  })
  const images = await readLabelledImages(folder)
  assert.deepEqual(
    images.map(({ id, label, split, group }) => [id, label, split, group]),
    [
      ['cat/a.jpg', 'cat', undefined, 'cat/a.jpg'],
      ['dog/b.PNG', 'dog', undefined, 'dog/b.PNG'],
      ['dog/saved by a browser.jfif', 'dog', undefined, 'dog/saved by a browser.jfif'],
    ],
  )
})

test('pictures may lie deeper in the folder of their class', async (t) => {
  const folder = await folderWith(t, {
    'cat/2023/a.jpg': '1',
    'cat/b.jpg': '2',
    'cat/.thumbnails/b.jpg': '3',
    'train/red/fast.jpg': '4', // a class, since it holds pictures of its own
    'train/1.jpg': '5',
  })
  assert.deepEqual(
    (await readLabelledImages(folder)).map(({ id, label, split }) => [id, label, split]),
    [
      ['cat/2023/a.jpg', 'cat', undefined],
      ['cat/b.jpg', 'cat', undefined],
      ['train/1.jpg', 'train', undefined],
      ['train/red/fast.jpg', 'train', undefined],
    ],
  )
  const ofSplits = await folderWith(t, { 'train/cat/deep/a.jpg': '1', 'test/dog/b.jpg': '2' })
  assert.deepEqual(
    (await readLabelledImages(ofSplits)).map(({ id, label, split }) => [id, label, split]),
    [
      ['test/dog/b.jpg', 'dog', 'test'],
      ['train/cat/deep/a.jpg', 'cat', 'train'],
    ],
  )
})

test('a folder next to those of the splits is refused, because it would make classes of them', async (t) => {
  const folder = await folderWith(t, { 'train/cat/a.jpg': '1', 'test/cat/b.jpg': '2', '__MACOSX/train/cat/c.txt': '' })
  await assert.rejects(readLabelledImages(folder), refused(/"test" holds folders, as a split does, but "__MACOSX"/))
})

test('a label may be a link to a folder; links to files and to nothing are skipped', async (t) => {
  const folder = await folderWith(t, { 'data/cat/a.jpg': '1', 'elsewhere/b.jpg': '2' })
  const links = { dog: 'elsewhere', file: 'elsewhere/b.jpg', gone: 'nowhere' }
  for (const [name, target] of Object.entries(links)) await symlink(join(folder, target), join(folder, 'data', name))
  const images = await readLabelledImages(join(folder, 'data'))
  assert.deepEqual(
    images.map(({ id }) => id),
    ['cat/a.jpg', 'dog/b.jpg'],
  )
})

test('a link that leads back above itself is not followed: each picture is read once', async (t) => {
  const folder = await folderWith(t, { 'data/cat/a.jpg': '1', 'data/cat/deep/b.jpg': '2', 'elsewhere/c.jpg': '3' })
  for (const [name, target] of Object.entries({ up: 'data', itself: 'data/cat', beside: 'elsewhere' }))
    await symlink(join(folder, target), join(folder, 'data/cat/deep', name))
  const images = await readLabelledImages(join(folder, 'data'))
  assert.deepEqual(
    images.map(({ id }) => id),
    ['cat/a.jpg', 'cat/deep/b.jpg', 'cat/deep/beside/c.jpg'],
  )
})

test('a folder whose name is not UTF-8 is refused: its pictures would be missed', async (t) => {
  for (const below of ['', 'cat/']) {
    const folder = await folderWith(t, { 'cat/a.jpg': '1', 'dog/b.jpg': '2' })
    const latin = Buffer.concat([Buffer.from(`${folder}/${below}caf`), Buffer.from([0xe9])])
    await writeFile(Buffer.concat([latin, Buffer.from('.txt')]), 'neither folder nor picture')
    await mkdir(Buffer.concat([Buffer.from(`${folder}/${below}.`), Buffer.from([0xe9])]))
    assert.equal((await readLabelledImages(folder)).length, 2)
    await mkdir(latin)
    await assert.rejects(readLabelledImages(folder), refused(/"caf\ufffd" in .* is not UTF-8/))
  }
  const folder = await folderWith(t, { 'caf\ufffd/a.jpg': '1', 'dog/\ufffd.jpg': '2' })
  assert.equal((await readLabelledImages(folder)).length, 2, 'a name may hold the character that stands for others')
})

test('pictures without labels are refused for such a name too', async (t) => {
  const folder = await folderWith(t, { 'a.jpg': '1' })
  await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xe9]), Buffer.from('.jpg')]), '2')
  await assert.rejects(readUnlabelledImages(folder), refused(/"\ufffd.jpg" in .* is not UTF-8/))
})

test('a link to a folder with such a name is refused; what is hidden may have any name', async (t) => {
  for (const below of ['', 'cat/']) {
    const folder = await folderWith(t, { 'cat/a.jpg': '1', 'cat/.thumbnails/a.jpg': '2', 'dog/b.jpg': '3' })
    await writeFile(
      Buffer.concat([Buffer.from(`${folder}/cat/.thumbnails/`), Buffer.from([0xe9]), Buffer.from('.jpg')]),
      '4',
    )
    const link = Buffer.concat([Buffer.from(`${folder}/${below}`), Buffer.from([0xe9])])
    await symlink(join(folder, 'dog'), Buffer.concat([link, Buffer.from('.txt')]))
    await assert.rejects(readLabelledImages(folder), refused(/"\ufffd.txt" in .* is not UTF-8/))
    await rm(Buffer.concat([link, Buffer.from('.txt')]))
    await symlink(join(folder, 'nothing'), link)
    assert.equal((await readLabelledImages(folder)).length, 2)
  }
})

test('a folder per split and class gives both, with the usual names of splits', async (t) => {
  const folder = await folderWith(t, { 'train/cat/a.jpg': '1', 'valid/cat/b.jpg': '2', 'test/cat/c.jpg': '3' })
  const images = await readLabelledImages(folder)
  assert.deepEqual(
    images.map(({ id, split }) => [id, split]),
    [
      ['test/cat/c.jpg', 'test'],
      ['train/cat/a.jpg', 'train'],
      ['valid/cat/b.jpg', 'val'],
    ],
  )
})

test('a CSV names pictures in files and in tar archives, plain or compressed', async (t) => {
  const folder = await folderWith(t, {
    'labels.csv':
      'filename,label,split,duplicate_group\n./a.jpg,cat,Train,1\nb.jpg,cat,test,1\nc.jpg,dog,validation,\nd.jpg,dog,train,7\n',
    'a.jpg': 'on disk',
  })
  await writeTar(join(folder, 'some.tar'), { './b.jpg': 'in tar', 'c.jpg': 'also' })
  await writeTar(join(folder, 'more.tar.gz'), { 'd.jpg': 'compressed' })
  const images = await readLabelledImages(folder)
  assert.deepEqual(
    images.map(({ id, label, split, group }) => [id, label, split, group]),
    [
      ['a.jpg', 'cat', 'train', '1'],
      ['b.jpg', 'cat', 'test', '1'],
      ['c.jpg', 'dog', 'val', 'c.jpg'],
      ['d.jpg', 'dog', 'train', '7'],
    ],
  )
  const contents = images.map(({ source }) => ('bytes' in source ? Buffer.from(source.bytes).toString() : source.path))
  assert.deepEqual(contents, [join(folder, 'a.jpg'), 'in tar', 'also', 'compressed'])
})

test('a name that stands for different pictures in two tar files is refused, if it is listed', async (t) => {
  const folder = await folderWith(t, { 'labels.csv': 'filename,label\n1.jpg,cat\n2.jpg,dog\n' })
  await writeTar(join(folder, 'test.tar'), { '1.jpg': 'one', '2.jpg': 'two', '3.jpg': 'three' })
  await writeTar(join(folder, 'train.tar'), { '1.jpg': 'one', '3.jpg': 'other' })
  assert.equal((await readLabelledImages(folder)).length, 2)
  await writeTar(join(folder, 'more.tar'), { '2.jpg': 'other' })
  await assert.rejects(readLabelledImages(folder), refused(/Several pictures are called "2\.jpg"/))
  await writeTar(join(folder, 'yet-more.tar'), { '2.jpg': 'two' })
  await assert.rejects(readLabelledImages(folder), refused(/Several pictures are called "2\.jpg"/))
})

test('large pictures of a tar are read whole, whatever lies between them', async (t) => {
  const folder = await folderWith(t, { 'labels.csv': 'filename,label\na.jpg,cat\nb.jpg,dog\n' })
  const large = (text: string) => text.repeat(300_000 / text.length)
  await writeTar(join(folder, 'some.tar'), {
    'notes.txt': large('note'),
    'a.jpg': large('cat'),
    'b.jpg': large('dogs'),
  })
  const contents = (await readLabelledImages(folder)).map(({ source }) =>
    Buffer.from('bytes' in source ? source.bytes : ''),
  )
  assert.deepEqual(contents.map(String), [large('cat'), large('dogs')])
})

const [composed, decomposed] = ['Käfer.jpg'.normalize('NFC'), 'Käfer.jpg'.normalize('NFD')]
for (const [listed, stored] of [
  [composed, decomposed],
  [decomposed, composed],
] as const)
  test(`a picture is found under ${JSON.stringify(listed)} if its name has the other Unicode form`, async (t) => {
    const csv = { 'labels.csv': `filename,label\n${listed},bug\n` }
    const loose = await folderWith(t, { ...csv, [stored]: '1' })
    const [image] = await readLabelledImages(loose)
    assert.deepEqual([image?.id, image?.source], [listed, { path: join(loose, stored) }])
    const packed = await folderWith(t, csv)
    await writeTar(join(packed, 'mac.tar'), { [stored]: '1' })
    assert.equal((await readLabelledImages(packed)).length, 1)
  })

test('of two pictures whose names differ in their Unicode form alone the exact one is meant, or neither', async (t) => {
  const marks = ['\u0323\u0307', '\u0307\u0323', ''].map((accents, i) => `${i < 2 ? 's' : '\u1e69'}${accents}.jpg`)
  const list = (name: string) => `filename,label\n${name},cat\n`
  const folder = await folderWith(t, { 'labels.csv': list(marks[0]!), [marks[0]!]: '1', [marks[1]!]: '2' })
  const [exact] = await readLabelledImages(folder)
  assert.deepEqual(exact?.source, { path: join(folder, marks[0]!) })
  await writeFile(join(folder, 'labels.csv'), list(marks[2]!))
  await assert.rejects(readLabelledImages(folder), refused(/Several pictures are called/))
})

test('labels that look the same are one label, in the form that the service stores', async (t) => {
  const labels = ['NFC', 'NFD'].map((form) => 'Käfer'.normalize(form))
  const folder = await folderWith(t, { [`train/${labels[0]}/a.jpg`]: '1', [`test/${labels[1]}/b.jpg`]: '2' })
  assert.deepEqual(
    (await readLabelledImages(folder)).map(({ label }) => label),
    [labels[0], labels[0]],
  )
})

test('a CSV whose column split is empty has no split', async (t) => {
  const folder = await folderWith(t, { 'labels.csv': 'filename,label,split\na.jpg,cat,\n', 'a.jpg': '1' })
  const [image] = await readLabelledImages(folder)
  assert.deepEqual([image?.id, image?.split], ['a.jpg', undefined])
})

const badLabels = [
  { case: 'a picture that is not there', csv: 'filename,label\nmissing.jpg,cat\n', detail: /missing\.jpg/ },
  {
    case: 'a row without a label',
    csv: 'filename,label\na.jpg,cat\na.jpg,\n',
    detail: /Row 3 of the labels needs filename and label\./,
  },
  {
    case: 'a picture listed by two paths',
    csv: 'filename,label\na.jpg,cat\n./a.jpg,cat\n',
    detail: /"a\.jpg" .+ twice/,
  },
  {
    case: 'an unknown split',
    csv: 'filename,label,split\na.jpg,cat,holdout\n',
    detail: /Row 2 .+ the split "holdout", which is none of train, val, test\./,
  },
  {
    case: 'a split for some pictures only',
    csv: 'filename,label,split\na.jpg,cat,train\nb.jpg,cat,\n',
    detail: /"b\.jpg" has no split/,
  },
  { case: 'rows of different length', csv: 'filename,label\na.jpg,cat,1,2\n', detail: /CSV: Invalid Record.+line 2/ },
  {
    case: 'other columns',
    csv: 'file,class\na.jpg,cat\n',
    detail: /columns "file", "class"; it needs filename and label/,
  },
  { case: 'semicolons', csv: 'filename;label\na.jpg;cat\n', detail: /column.+ "filename;label"; it needs/ },
  {
    case: 'a picture in two rows',
    csv: 'filename,label,split\na.jpg,cat,train\na.jpg,cat,test\n',
    detail: /"a\.jpg" is in the file of labels twice/,
  },
  {
    case: 'a picture in two rows, in two Unicode forms',
    csv: `filename,label\n${'ä.jpg'.normalize('NFC')},cat\n${'ä.jpg'.normalize('NFD')},cat\n`,
    detail: /is in the file of labels twice/,
  },
  { case: 'a column twice', csv: 'filename,label,label\na.jpg,cat,dog\n', detail: /column "label" twice/ },
  { case: 'no rows', csv: 'filename,label\n', detail: /no labelled pictures/ },
]
for (const { case: name, csv, detail } of badLabels) {
  test(`labels with ${name} are refused with a reason`, async (t) => {
    const folder = await folderWith(t, { 'labels.csv': csv, 'a.jpg': '1' })
    await assert.rejects(readLabelledImages(folder), refused(detail))
  })
}

test('labels in another encoding are refused: two of them would become one', async (t) => {
  const folder = await folderWith(t, { 'a.jpg': '1', 'b.jpg': '2' })
  const write = (csv: Buffer) => writeFile(join(folder, 'labels.csv'), csv)
  await write(Buffer.from('filename,label\na.jpg,M\xfcller\nb.jpg,M\xf6ller\n', 'latin1'))
  await assert.rejects(readLabelledImages(folder), refused(/not UTF-8/))
  await write(Buffer.from('\ufefffilename,label\na.jpg,Müller\nb.jpg,Möller\n', 'utf16le'))
  assert.deepEqual(
    (await readLabelledImages(folder)).map(({ label }) => label),
    ['Müller', 'Möller'],
  )
})

test('lines of one CSV may end in several ways', async (t) => {
  const csv = 'filename,label\r\na.jpg,cat\nb.jpg,dog\r\n'
  const folder = await folderWith(t, { 'labels.csv': csv, 'a.jpg': '1', 'b.jpg': '2' })
  assert.deepEqual(
    (await readLabelledImages(folder)).map(({ label }) => label),
    ['cat', 'dog'],
  )
})

test('a CSV may be spaced and in any order, end lines like old Macs, and list pictures of folders', async (t) => {
  const csv = 'label , filename\r\rdog, more/b.jpg\r cat,a.jpg \r'
  const folder = await folderWith(t, { 'labels.csv': csv, 'a.jpg': '1', 'more/b.jpg': '2' })
  assert.deepEqual(
    (await readLabelledImages(folder)).map(({ id, label }) => [id, label]),
    [
      ['a.jpg', 'cat'],
      ['more/b.jpg', 'dog'],
    ],
  )
  assert.equal((await readLabelledImages('', join(folder, 'labels.csv'))).length, 2, 'they lie next to it')
})

test('folders of splits without pictures to train on, or to test with, are refused', async (t) => {
  const train = await folderWith(t, { 'train/cat/a.jpg': '1', 'val/cat/b.jpg': '2', 'test/cat/c.txt': '' })
  await assert.rejects(readLabelledImages(train), refused(/no pictures for the split "test"/))
  const held = await folderWith(t, { 'test/cat/a.jpg': '1', 'val/cat/b.jpg': '2' })
  await assert.rejects(readLabelledImages(held), refused(/no pictures for the split "train"/))
})

test('a missing folder, a missing CSV and a damaged archive are refused', async (t) => {
  const folder = await folderWith(t, { 'labels.csv': 'filename,label\na.jpg,cat\n', 'broken.tar': 'x'.repeat(700) })
  await assert.rejects(readLabelledImages(join(folder, 'nowhere')), refused(/nowhere cannot be read/))
  await assert.rejects(readLabelledImages(folder, join(folder, 'other.csv')), refused(/other\.csv cannot be read/))
  await assert.rejects(readLabelledImages(folder), refused(/broken\.tar .*damaged/))
})
