/** A data folder that is used with and without PostgreSQL: what one catalogue does not know may be the other's. */
import assert from 'node:assert/strict'
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FolderOwners } from '../../src/originals/folder-owners.js'
import { newDatabase } from '../postgres/shared-stores.js'
import { startApp } from '../support/app.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

const hash = 'ab'.repeat(32)
const files = [`originals/ab/ab/${hash}`, `queries/0123456789abcdef/ab/ab/${hash}`, 'spool/some-job/upload']
const embedded = { weaviateUrl: '', defaultEngine: '' }

/** As of galleries and jobs that only the current catalogue knows. */
async function store(dataDir: string): Promise<void> {
  const long = new Date(Date.now() - 2 * 86_400_000)
  for (const file of files) {
    await mkdir(dirname(join(dataDir, file)), { recursive: true })
    await writeFile(join(dataDir, file), 'bytes')
    await utimes(join(dataDir, file), long, long)
  }
}

async function stored(dataDir: string): Promise<string[]> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return files.filter((file) => paths.includes(join(dataDir, file)))
}

async function used(t: TestContext, dataDir: string, postgresUrl: string, use = async () => {}): Promise<unknown[]> {
  const service = await startApp(t, { ...embedded, dataDir, postgresUrl })
  await use()
  await service.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  // the garbage collector and the sweep of queries begin with the service, and end with it
  await service.close()
  return service.log.filter(({ code }) => code === 'folder_shared').map(({ others }) => others)
}

test('what a service with PostgreSQL has stored stays when one without it is started in its folder', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return t.skip('PostgreSQL is not installed')
  const dataDir = await temporaryFolder(t)
  await used(t, dataDir, url, () => store(dataDir))
  const others = await used(t, dataDir, '')
  assert.deepEqual(await stored(dataDir), files)
  const [id] = await readdir(join(dataDir, 'installations'))
  assert.deepEqual(others, [[id]])
  await rm(join(dataDir, 'installations', id!))
  const alone = await startApp(t, { ...embedded, dataDir, postgresUrl: '' })
  await until(async () => (await stored(dataDir)).length === 0)
  await alone.close()
})

test('what a service without PostgreSQL has stored stays when one with it is started in its folder', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return t.skip('PostgreSQL is not installed')
  const dataDir = await temporaryFolder(t)
  await used(t, dataDir, '', () => store(dataDir))
  await store(dataDir)
  const others = await used(t, dataDir, url)
  assert.deepEqual(await stored(dataDir), files)
  assert.deepEqual(others, [['alike.db']])
})

test('the owner of a data folder is alone until another has left its marker', async (t) => {
  const dataDir = await temporaryFolder(t)
  const told: string[][] = []
  const onOthers = (others: readonly string[]) => void told.push([...others])
  const beside = new FolderOwners({ dataDir, onOthers })
  assert.equal(await beside.areAlone(), true)
  const shared = new FolderOwners({ dataDir, id: async () => 'one', isOtherwiseUsed: async () => false, onOthers })
  await shared.register()
  assert.deepEqual([await shared.areAlone(), await beside.areAlone(), await beside.areAlone()], [true, false, false])
  assert.deepEqual(told, [['one']], 'told once')
})
