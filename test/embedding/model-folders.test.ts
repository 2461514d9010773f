import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, truncate, utimes, writeFile } from 'node:fs/promises'
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

/** The same model with one more file, and whatever else an installed one may lack. */
async function withPrecision(model: Model, precision: 'fp16' | 'int8', bytes: Buffer): Promise<void> {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const files = { ...model.manifest.files, [precision]: { file: `${precision}.onnx`, sha256, bytes: bytes.length } }
  await writeFile(join(model.folder, `${precision}.onnx`), bytes)
  await mkdir(join(model.folder, 'golden'), { recursive: true })
  await writeFile(join(model.folder, 'golden', 'golden.json'), bytes)
  await writeFile(join(model.folder, 'manifest.json'), JSON.stringify({ ...model.manifest, files }))
}

test('a model that is installed again with precisions that it lacked has them from then on, if they pass', async (t) => {
  const { folders, open, folder } = await opened(t)
  const seven = await handmadeModel(t, { dimension: 7, name: 'seven' })
  await folders.install(copyOf(seven), proven)
  await withPrecision(seven, 'int8', Buffer.from('eight'))
  const refused = folders.install(copyOf(seven), () => Promise.reject(new Error('computes something else')))
  await assert.rejects(refused, /computes something else/)
  const filesOf = (of: ModelFolders) => Object.keys(of.get('seven').manifest.files)
  assert.deepEqual([filesOf(folders), filesOf(await open())], [['fp32'], ['fp32']])

  const { model, created } = await folders.install(copyOf(seven), proven)
  assert.deepEqual([created, model.folder, folders.get('seven')], [false, join(folder, 'seven'), model])
  assert.deepEqual(
    [filesOf(folders), filesOf(await open())],
    [
      ['fp32', 'int8'],
      ['fp32', 'int8'],
    ],
  )
  assert.equal(await readFile(join(model.folder, 'golden', 'golden.json'), 'utf8'), 'eight')
  assert.deepEqual(await readdir(folder), ['seven'])

  // other bytes of one that it has are another matter: processes may be reading them
  await withPrecision(seven, 'int8', Buffer.from('other'))
  assert.equal((await folders.install(copyOf(seven), proven)).model, model)
  assert.equal(await readFile(join(model.folder, 'int8.onnx'), 'utf8'), 'eight')
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

/** `prove` for that many installations: each ends only once all of them have begun. */
function together(count: number): () => Promise<void> {
  let begun = 0
  let goOn: () => void
  const all = new Promise<void>((resolve) => (goOn = resolve))
  return async () => {
    if (++begun === count) goOn()
    await all
  }
}

test('a model that two requests, or two processes, install at once is installed once, and both may use it', async (t) => {
  const { folder, folders, open } = await opened(t)
  const elsewhere = await open()
  const seven = await handmadeModel(t, { dimension: 7, name: 'seven' })
  const prove = together(3)
  const installed = await Promise.all(
    [folders, folders, elsewhere].map((process) => process.install(copyOf(seven), prove)),
  )
  assert.deepEqual(installed.map(({ created }) => created).sort(), [false, false, true])
  for (const process of [folders, elsewhere]) assert.deepEqual(namesOf(process), ['standard', 'seven'])
  assert.equal((await elsewhere.install(copyOf(seven), proven)).created, false)
  assert.deepEqual(await readdir(folder), ['seven'])
})

test('of two models with one name, installed at once by two processes, the second is refused', async (t) => {
  const { folder, folders, open } = await opened(t)
  const models = [7, 8].map((dimension) => handmadeModel(t, { dimension, name: 'same' }))
  const [seven, eight] = await Promise.all(models)
  const elsewhere = await open()
  const prove = together(2)
  const [mine, theirs] = await Promise.allSettled([
    folders.install(copyOf(seven!), prove),
    elsewhere.install(copyOf(eight!), prove),
  ])
  const refused = mine.status === 'rejected' ? mine : theirs
  assert.equal(refused.status === 'rejected' && refused.reason.code, 'model_exists')
  assert.deepEqual(await readdir(folder), ['same'])
  assert.deepEqual(namesOf(await open()), ['standard', 'same'])
})

test('a model does not replace a folder of its name that contains something else', async (t) => {
  const { folder, folders } = await opened(t)
  await mkdir(join(folder, 'seven'))
  await writeFile(join(folder, 'seven', 'notes'), '')
  const seven = await handmadeModel(t, { dimension: 7, name: 'seven' })
  await assert.rejects(folders.install(copyOf(seven), proven), { code: 'model_exists' })
  assert.deepEqual(await readdir(folder, { recursive: true }), ['seven', 'seven/notes'])
})

test('a model that two requests, or two processes, delete at once is deleted by one of them', async (t) => {
  const { folder, folders, open } = await opened(t)
  const seven = await handmadeModel(t, { dimension: 7, name: 'seven' })
  await folders.install(copyOf(seven), proven)
  const elsewhere = await open()
  const removed = await Promise.allSettled([folders, folders, elsewhere].map((process) => process.remove('seven')))
  const codes = removed.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
  assert.deepEqual(codes, ['model_not_found', 'model_not_found'])
  for (const process of [folders, elsewhere]) assert.deepEqual(namesOf(process), ['standard'])
  assert.deepEqual(await readdir(folder), [])
})

test('a model that another process deleted can be installed again, and its name is free', async (t) => {
  const { folder, folders, open } = await opened(t)
  const seven = await handmadeModel(t, { dimension: 7, name: 'seven' })
  await folders.install(copyOf(seven), proven)
  await (await open()).remove('seven')
  assert.equal((await folders.install(copyOf(seven), proven)).created, true)
  await (await open()).remove('seven')
  const other = await handmadeModel(t, { dimension: 8, name: 'seven' })
  assert.equal((await folders.install(copyOf(other), proven)).created, true)
  assert.deepEqual(await readdir(folder), ['seven'])
  assert.deepEqual(namesOf(folders), ['standard', 'seven'])
})
