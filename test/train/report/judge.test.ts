import assert from 'node:assert/strict'
import { copyFile, cp, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { optionsOf } from '../../../src/command-line.js'
import { judgedEdits } from '../../../src/train/edited-copies.js'
import { judge, judgeCommand, judgementTable, judgeOptionsOf } from '../../../src/train/report/main.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { tinyModel } from '../../support/tiny-model.js'

const folder = await tinyModel()
const asked = (args: string[]) => judgeOptionsOf(optionsOf(judgeCommand(), args))
const given = ['--model', folder, '--data', join(dirname(dirname(folder)), 'pictures')]

test('a network is evaluated with one view of each val picture, and with its mirror image on request', async () => {
  const alone = await judge(await asked(given))
  assert.deepEqual([alone.images, alone.views.map(({ views }) => views), alone.copies], [32, [1], undefined])
  const { views, copies } = await judge(await asked([...given, '--mirror', '--copies']))
  assert.deepEqual(views[0], alone.views[0])
  assert.deepEqual(
    views.map((row) => row.views),
    [1, 2],
  )
  assert.ok(views.every((row) => row.accuracy! > 0.5 && row['mAP@10']! > 0.5))
  assert.notDeepEqual({ ...views[1], views: 1 }, views[0])
  assert.deepEqual(Object.keys(copies!), [...judgedEdits, 'mean'])
  assert.match(
    judgementTable({ images: 32, views, copies }),
    /\| 1 \| [01]\.\d{3} \|[\s\S]*\| 2 \| [01]\.\d{3} \|[\s\S]*\| half size \| [01]\.\d{3} \|/,
  )
})

test('with --expand every query is expanded, those with edited copies too', async () => {
  const plain = await judge(await asked([...given, '--copies']))
  const { views, copies } = await judge(await asked([...given, '--copies', '--expand', '10']))
  assert.notEqual(views[0]!['mAP@10'], plain.views[0]!['mAP@10'])
  assert.equal(views[0]!.accuracy, plain.views[0]!.accuracy)
  assert.ok(copies!['mean']! < plain.copies!['mean']!)
})

test('test pictures are evaluated only on request', async () => {
  const { images, viewCounts } = await asked([...given, '--split', 'test', '--views', '4'])
  assert.ok(images.length === 32 && images.every(({ split }) => split === 'test'))
  assert.deepEqual(viewCounts, [1, 4])
})

test('the precision that is served on a CPU is judged, unless another one is named', async (t) => {
  const copy = await temporaryFolder(t)
  await cp(folder, copy, { recursive: true })
  const manifest = JSON.parse(await readFile(join(copy, 'manifest.json'), 'utf8')) as {
    files: Record<string, { file: string }>
  }
  const { fp32 } = manifest.files
  manifest.files['int8'] = { ...fp32!, file: 'model.int8.onnx' }
  await copyFile(join(copy, fp32!.file), join(copy, 'model.int8.onnx'))
  await writeFile(join(copy, 'manifest.json'), JSON.stringify(manifest))
  const both = ['--model', copy, ...given.slice(2)]
  assert.equal((await asked(given)).precision, 'fp32')
  assert.equal((await asked(both)).precision, 'int8')
  assert.equal((await asked([...both, '--precision', 'fp32'])).precision, 'fp32')
})

test('a network is judged on its own val pictures where the data has no split, and never on what it was trained on', async (t) => {
  const pictures = await temporaryFolder(t)
  await cp(join(dirname(dirname(folder)), 'pictures'), pictures, { recursive: true })
  const data = await temporaryFolder(t)
  for (const split of await readdir(pictures))
    for (const label of await readdir(join(pictures, split)))
      for (const name of await readdir(join(pictures, split, label)))
        await cp(join(pictures, split, label, name), join(data, label, `${split}-${name}`))
  const { images } = await asked(['--model', folder, '--data', data])
  assert.ok(images.length === 32 && images.every(({ id }) => id.includes('/val-')))

  const moved = await temporaryFolder(t)
  await cp(folder, moved, { recursive: true, filter: (path) => !path.endsWith('split.json') })
  await assert.rejects(asked(['--model', moved, '--data', data]), { code: 'split_differs', message: /split\.json/ })

  const [label] = await readdir(join(pictures, 'train'))
  await rename(join(pictures, 'train', label!, '0.jpg'), join(pictures, 'val', label!, 'seen.jpg'))
  await assert.rejects(asked(['--model', folder, '--data', pictures]), { code: 'split_differs', message: /seen\.jpg/ })
})

const misuses: [args: string[], says: RegExp][] = [
  [['--model', folder], /--data <folder>' not specified/],
  [[...given, '--split', 'train'], /must be one of val, test/],
  [[...given, '--views', '5'], /whole number from 2 to 4/],
  [[...given, '--views', 'x'], /whole number from 2 to 4/],
]
for (const [args, says] of misuses)
  test(`judging refuses "${args.slice(4).join(' ')}"`, () => assert.throws(() => void asked(args), says))

test('a missing precision is reported with the available ones', async () => {
  await assert.rejects(asked([...given, '--precision', 'int8']), /no int8 file, only fp32/)
})
