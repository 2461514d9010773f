import assert from 'node:assert/strict'
import { cp, mkdir, readdir, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ModelFolders } from '../../src/embedding/model-folders.js'
import type { Model } from '../../src/embedding/model-manifest.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { temporaryFolder } from '../support/temporary-folder.js'

async function opened(t: TestContext) {
  const folder = await temporaryFolder(t)
  const warnings: string[] = []
  const logger = { info() {}, warn: (_: object, message: string) => void warnings.push(message), error() {} }
  const standard = (await handmadeModel(t, { name: 'standard' })).folder
  const open = () => ModelFolders.open(standard, folder, logger)
  return { folder, open, warnings, folders: await open() }
}

const copyOf = (model: Model) => (folder: string) => cp(model.folder, folder, { recursive: true })
const proven = () => Promise.resolve()
const namesOf = (folders: ModelFolders) => folders.list().map(({ manifest }) => manifest.name)

test('a model is installed once, survives a restart, and can be removed', async (t) => {
  const { folders, open, folder } = await opened(t)
  const seven = await handmadeModel(t, { dimension: 7, name: 'seven' })
  const { model, created } = await folders.install(copyOf(seven), proven)
  assert.deepEqual([model.manifest.name, created], ['seven', true])
  assert.equal((await folders.install(copyOf(seven), proven)).created, false)
  assert.deepEqual(namesOf(folders), ['standard', 'seven'])
  assert.equal(folders.get(model.manifest.id), model)

  const again = await open()
  assert.deepEqual(namesOf(again), ['standard', 'seven'])
  await again.remove('seven')
  assert.deepEqual(await readdir(folder), [])
  assert.throws(() => again.get('seven'), { code: 'model_not_found' })
  await assert.rejects(again.remove('standard'), { code: 'model_in_use' })
})

test('a model that fails its check, is damaged or takes the name of another leaves nothing behind', async (t) => {
  const { folders, folder } = await opened(t)
  const seven = await handmadeModel(t, { dimension: 7, name: 'seven' })
  await assert.rejects(
    folders.install(copyOf(seven), () => Promise.reject(new Error('computes something else'))),
    /computes something else/,
  )
  const damaged = async (draft: string) => {
    await copyOf(seven)(draft)
    await truncate(join(draft, 'model.onnx'), 100)
  }
  await assert.rejects(folders.install(damaged, proven), { code: 'model_unreadable' })
  const other = await handmadeModel(t, { dimension: 8, name: 'standard' })
  await assert.rejects(folders.install(copyOf(other), proven), { code: 'model_exists' })
  assert.deepEqual(await readdir(folder), [])
  assert.deepEqual(namesOf(folders), ['standard'])
})

test('a folder with no model, or half of one, does not affect the others', async (t) => {
  const { folders, folder, open, warnings } = await opened(t)
  await folders.install(copyOf(await handmadeModel(t, { dimension: 7, name: 'seven' })), proven)
  await mkdir(join(folder, 'notes'))
  await writeFile(join(folder, 'notes', 'manifest.json'), '{}')
  await mkdir(join(folder, '.unfinished-1'))
  const long = new Date(Date.now() - 2 * 86_400_000)
  await utimes(join(folder, '.unfinished-1'), long, long)
  assert.deepEqual(namesOf(await open()), ['standard', 'seven'])
  assert.equal(warnings.length, 1)
  assert.deepEqual((await readdir(folder)).sort(), ['notes', 'seven'])
})

test('a model that one process is installing is whole, though another is started in the meantime', async (t) => {
  const { folders, open } = await opened(t)
  const seven = await handmadeModel(t, { dimension: 7, name: 'seven' })
  await folders.install(copyOf(seven), async () => assert.deepEqual(namesOf(await open()), ['standard']))
  assert.deepEqual(namesOf(await open()), ['standard', 'seven'])
})
