/** What several installations store in one bucket: none deletes what belongs to another. */
import assert from 'node:assert/strict'
import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { pino } from 'pino'
import { OriginalsGarbage } from '../../src/originals/garbage.js'
import { installationIdIn } from '../../src/originals/installation-id.js'
import { type S3Connection, S3Originals, s3Client } from '../../src/originals/s3-originals.js'
import { S3Owners } from '../../src/originals/s3-owners.js'
import { Postgres } from '../../src/postgres/postgres.js'
import { newDatabase, openStores } from '../postgres/shared-stores.js'
import { startApp } from '../support/app.js'
import { bucketServer } from '../support/bucket-server.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { newBucket, s3Connection, skipWithoutS3 } from '../support/s3-server.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'
import { hashOf, listed } from './original-stores.js'

const prefix = 'alike/'
const dayMs = 86_400_000
const picture = Buffer.from('a picture')

interface Place {
  bucket: string
  connection: S3Connection
}

async function inMemory(t: TestContext): Promise<Place> {
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const { endpoint } = await bucketServer(t)
  return { bucket: 'b', connection: { endpoint, region: 'us-east-1', forcePathStyle: true, credentials } }
}

async function real(): Promise<Place> {
  return { bucket: await newBucket('owners'), connection: await s3Connection() }
}

function installation(t: TestContext, { bucket, connection }: Place, id: string, known: readonly string[] = []) {
  const told: string[][] = []
  const owners = new S3Owners({
    client: s3Client(connection),
    bucket,
    prefix,
    id: async () => id,
    knows: async (hashes) => hashes.some((hash) => known.includes(hash)),
    onOthers: (others) => void told.push([...others]),
  })
  const store = new S3Originals({ bucket, prefix, owners, ...connection })
  /** It looks at once, and takes everything for old and unused. */
  const collected = () => {
    const garbage = new OriginalsGarbage({
      store,
      uses: {
        knowsAll: () => true,
        released: () => [...known],
        isUsed: () => false,
        isRecorded: () => false,
        forget: async () => {},
      },
      areOwn: () => owners.areAlone(),
      everyMs: dayMs,
      sweepEveryMs: dayMs,
      minAgeMs: dayMs,
      logger: pino({ level: 'silent' }),
      clock: () => new Date(Date.now() + 2 * dayMs),
    })
    t.after(() => garbage.close())
    return garbage
  }
  return { owners, store, collected, told }
}

async function removeMarker({ bucket, connection }: Place, id: string): Promise<void> {
  const client = s3Client(connection)
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: `${prefix}installations/${id}` }))
  client.destroy()
}

for (const [what, newPlace, skip] of [
  ['a bucket in memory', inMemory, false],
  ['a real S3 server', real, skipWithoutS3],
] as const) {
  test(`installations that share ${what} delete nothing unused until one is alone`, { skip }, async (t) => {
    const place = await newPlace(t)
    const hash = hashOf(picture)
    const one = installation(t, place, 'one')
    await one.store.put(hash, picture)
    assert.equal(await one.owners.areAlone(), true)
    const two = installation(t, place, 'two', [hash])
    assert.equal(await two.owners.areAlone(), false)
    const garbage = two.collected()
    assert.deepEqual([await garbage.sweep(), await garbage.collect(), await one.collected().sweep()], [0, 0, 0])
    assert.deepEqual([two.told, one.told], [[['one']], [['two']]], 'each is told once')
    assert.equal((await listed(two.store)).length, 1, 'markers are no originals')
    await removeMarker(place, 'one')
    await garbage.collect()
    assert.deepEqual(await listed(two.store), [])
  })
}

test('an installation whose marker was deleted by mistake leaves it again', async (t) => {
  const place = await inMemory(t)
  const one = installation(t, place, 'one')
  await one.owners.register()
  await removeMarker(place, 'one')
  assert.equal(await one.owners.areAlone(), true)
  const two = installation(t, place, 'two')
  assert.deepEqual([await two.owners.areAlone(), two.told], [false, [['one']]])
})

test('a bucket of an older version, which left no marker, belongs to the installation that knows it', async (t) => {
  for (const [known, isAlone] of [
    [[hashOf(picture)], true],
    [[], false],
  ] as [string[], boolean][]) {
    const place = await inMemory(t)
    const { bucket, connection } = place
    await new S3Originals({ bucket, prefix, ...connection }).put(hashOf(picture), picture)
    const { owners, collected, store, told } = installation(t, place, 'new', known)
    assert.equal(await owners.areAlone(), isAlone)
    await collected().sweep()
    assert.equal((await listed(store)).length, isAlone ? 0 : 1)
    assert.deepEqual(told, isAlone ? [] : [['unknown']])
  }
})

test('objects that consoles create for folders belong to no other installation', async (t) => {
  const place = await inMemory(t)
  const client = s3Client(place.connection)
  for (const Key of [prefix, `${prefix}installations/`])
    await client.send(new PutObjectCommand({ Bucket: place.bucket, Key, Body: '' }))
  const { owners, told } = installation(t, place, 'new')
  assert.deepEqual([await owners.areAlone(), told], [true, []])
})

test('a bucket that is out of reach is registered in once it is back', async (t) => {
  const place = await inMemory(t)
  let away = true
  const { bucket, connection } = place
  const owners = new S3Owners({
    client: s3Client(connection),
    bucket,
    prefix,
    async id() {
      if (away) throw new Error('away')
      return 'one'
    },
    knows: async () => true,
    onOthers() {},
  })
  await assert.rejects(owners.areAlone(), /away/)
  away = false
  assert.equal(await owners.areAlone(), true)
})

test('the service has its marker in the bucket with its first original', async (t) => {
  process.env.AWS_ACCESS_KEY_ID ??= 'test'
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test'
  const { endpoint, objects } = await bucketServer(t)
  const { app, config, call } = await startApp(t, {
    originals: 'keep',
    originalsS3Bucket: 'b',
    originalsS3Endpoint: endpoint,
    postgresUrl: '',
    weaviateUrl: '',
    defaultEngine: '',
  })
  assert.ok(app)
  await call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const payload = await drawImage(drawnLabels[0]!, 1, { width: 16, height: 16, format: 'png' })
  const headers = { 'content-type': 'image/png' }
  await call(201, { method: 'PUT', url: '/v1/galleries/g/images/p', headers, payload })
  const [id] = (await readFile(join(config.dataDir, 'installation'), 'utf8')).split('\n')
  const keys = [...objects.keys()].filter((key) => key.includes('installations/'))
  assert.deepEqual(keys, [`b/originals/installations/${id}`])
})

test('a service that stores nothing has its marker too: it may read what is there', async (t) => {
  process.env.AWS_ACCESS_KEY_ID ??= 'test'
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test'
  const { endpoint, objects } = await bucketServer(t)
  // with Weaviate it collects no garbage, which would leave a marker as well
  await startApp(t, {
    originalsS3Bucket: 'b',
    originalsS3Endpoint: endpoint,
    postgresUrl: '',
    weaviateUrl: 'http://127.0.0.1:1',
    defaultEngine: 'embedded',
  })
  await until(() => [...objects.keys()].some((key) => key.includes('installations/')))
})

test('an installation keeps its id, in a data folder and in PostgreSQL', async (t) => {
  const folder = await temporaryFolder(t)
  const id = await installationIdIn(folder)
  assert.equal(await installationIdIn(folder), id)
  assert.notEqual(await installationIdIn(await temporaryFolder(t)), id)
  const url = await newDatabase(t)
  if (url === undefined) return
  const [one, two] = [await openStores(t, url), await openStores(t, url)]
  assert.equal(await one.installation(), await two.installation())
  const elsewhere = await openStores(t, (await newDatabase(t))!)
  assert.notEqual(await elsewhere.installation(), await one.installation())
})

test('a moved data folder keeps its id; a copy of it is another installation', async (t) => {
  const around = await temporaryFolder(t)
  const [first, copy, moved] = ['first', 'copy', 'moved'].map((name) => join(around, name)) as [string, string, string]
  await mkdir(first)
  const id = await installationIdIn(first)
  await cp(first, copy, { recursive: true, preserveTimestamps: true })
  await rename(first, moved)
  assert.equal(await installationIdIn(moved), id)
  const idOfCopy = await installationIdIn(copy)
  assert.notEqual(idOfCopy, id)
  assert.equal(await installationIdIn(copy), idOfCopy)
  // as written by older versions
  await writeFile(join(moved, 'installation'), id)
  assert.deepEqual([await installationIdIn(moved), await installationIdIn(moved)], [id, id])
})

test('a database that was restored from a dump is another installation', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return t.skip('PostgreSQL is not installed')
  const id = await (await openStores(t, url)).installation()
  const postgres = new Postgres({ url, connectionsMax: 1, onLoss() {} })
  t.after(() => postgres.close())
  // a dump contains the rows, and restoring inserts them
  await postgres.transaction(async (sql) => {
    const [row] = await sql.query<{ row: object }>('SELECT to_json(installation) AS row FROM alike.installation')
    await sql.query('DELETE FROM alike.installation')
    await sql.query('INSERT INTO alike.installation SELECT * FROM json_populate_record(NULL::alike.installation, $1)', [
      JSON.stringify(row!.row),
    ])
  })
  const [one, two] = [await openStores(t, url), await openStores(t, url)]
  const ids = await Promise.all([one.installation(), two.installation(), one.installation()])
  assert.equal(new Set(ids).size, 1)
  assert.notEqual(ids[0], id)
})
