import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { optionsOf } from '../../../src/command-line.js'
import { judgedEdits } from '../../../src/train/edited-copies.js'
import { judge, judgeCommand, judgementTable, judgeOptionsOf } from '../../../src/train/report/main.js'
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

test('test pictures are evaluated only on request', async () => {
  const { images, viewCounts } = await asked([...given, '--split', 'test', '--views', '4'])
  assert.ok(images.length === 32 && images.every(({ split }) => split === 'test'))
  assert.deepEqual(viewCounts, [1, 4])
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
