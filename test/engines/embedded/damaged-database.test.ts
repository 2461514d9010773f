import assert from 'node:assert/strict'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { newImage, putImages } from '../../gallery/stored-images.js'
import { answersOf, expectHonest, fill, type Outcome, vectors } from './honest-galleries.js'
import { dataFolder, openIn } from './storage-folder.js'
import { seededRandom } from './vector-index/unit-vectors.js'

const pageBytes = 8_192

async function storedGallery(t: TestContext): Promise<{ bytes: Buffer; answers: unknown[] }> {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await fill(galleries)
  const answers = await answersOf(galleries)
  await galleries.close()
  return { bytes: await readFile(join(dataDir, 'alike.db')), answers }
}

async function expectHonestDatabase(bytes: Buffer, t: TestContext, truth: unknown[], what: string): Promise<Outcome> {
  const dataDir = await dataFolder(t)
  await writeFile(join(dataDir, 'alike.db'), bytes)
  return expectHonest(dataDir, truth, what)
}

/** Every third page, after the first of all, which is the most delicate; `test/long/damage.long.ts` damages all over. */
const pagesApart = 3

test('a flipped byte in a page of any kind is detected or harmless', async (t) => {
  const { bytes, answers } = await storedGallery(t)
  const random = seededRandom(17)
  const outcomes = { refused: 0, said: 0, unharmed: 0 }
  for (let page = 0; page < bytes.length / pageBytes; page += page === 0 ? 1 : pagesApart) {
    for (let i = 0; i < (page === 0 ? 6 : 1); i++) {
      // The header of every other page; in the others the cells at their end, or any position.
      const within =
        (page + i) % 2 === 0 ? Math.floor(random() * 16) : pageBytes - 1 - Math.floor(random() ** 2 * pageBytes)
      const damaged = Buffer.from(bytes)
      const bit = 1 << Math.floor(random() * 8)
      damaged[page * pageBytes + within]! ^= bit
      outcomes[await expectHonestDatabase(damaged, t, answers, `page ${page}, byte ${within}, bit ${bit}`)]++
    }
  }
  assert.ok(outcomes.refused > 0, JSON.stringify(outcomes))
})

test('a torn page, a truncated end and a swapped page are detected', async (t) => {
  const { bytes, answers } = await storedGallery(t)
  const pages = bytes.length / pageBytes
  for (const page of [1, Math.floor(pages / 2), pages - 2]) {
    const torn = Buffer.from(bytes)
    torn.fill(0, page * pageBytes + 512, (page + 1) * pageBytes)
    await expectHonestDatabase(torn, t, answers, `page ${page} torn`)
    await expectHonestDatabase(bytes.subarray(0, page * pageBytes + 100), t, answers, `cut in page ${page}`)
    const swapped = Buffer.from(bytes)
    bytes.copy(swapped, page * pageBytes, (page + 1) * pageBytes, (page + 2) * pageBytes)
    await expectHonestDatabase(swapped, t, answers, `page ${page} overwritten by the next`)
  }
})

test('a lost or truncated write-ahead log undoes writes, and does no other harm', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  for (let i = 0; i < 40; i++) await putImages(galleries.images, 'a', [newImage(`p${i}`, vectors[i]!)])
  const copies = await dataFolder(t)
  await copyFile(join(dataDir, 'alike.db'), join(copies, 'alike.db'))
  const log = await readFile(join(dataDir, 'alike.db-wal'))
  for (const share of [0.3, 0.7, 0.99]) {
    const copy = await dataFolder(t)
    await copyFile(join(copies, 'alike.db'), join(copy, 'alike.db'))
    await writeFile(join(copy, 'alike.db-wal'), log.subarray(0, Math.floor(log.length * share)))
    const opened = await openIn(t, copy)
    const { count } = await opened.get('a')
    assert.ok(count < 40)
    const { hits } = await opened.searches.search('a', { vector: vectors[0]!, k: 100 })
    assert.deepEqual(
      new Set(hits.map(({ record }) => record.id)),
      new Set(Array.from({ length: count }, (_, i) => `p${i}`)),
    )
  }
})
