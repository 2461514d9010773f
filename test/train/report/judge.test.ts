import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { judgedEdits } from '../../../src/train/edited-copies.js'
import { judge, judgementTable, judgeOptionsOf } from '../../../src/train/report/main.js'
import { tinyModel } from '../../support/tiny-model.js'

const folder = await tinyModel()
const given = ['--model', folder, '--data', join(dirname(dirname(folder)), 'pictures')]

test('a network is judged with one view of each val picture, and with its mirror image beside it where that is asked for', async () => {
  const alone = await judge(await judgeOptionsOf(given))
  assert.deepEqual([alone.images, alone.views.map(({ views }) => views), alone.copies], [32, [1], undefined])
  const { views, copies } = await judge(await judgeOptionsOf([...given, '--mirror', '--copies']))
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

test('test pictures are judged only when they are asked for', async () => {
  const { images, viewCounts } = await judgeOptionsOf([...given, '--split', 'test', '--views', '4'])
  assert.ok(images.length === 32 && images.every(({ split }) => split === 'test'))
  assert.deepEqual(viewCounts, [1, 4])
})

test('what can not be asked is refused with the usage', async () => {
  for (const args of [
    ['--model', folder],
    [...given, '--split', 'train'],
    [...given, '--precision', 'int8'],
    [...given, '--views', '5'],
    [...given, '--views', 'x'],
  ]) {
    await assert.rejects(judgeOptionsOf(args), /npm run judge/, args.join(' '))
  }
})
