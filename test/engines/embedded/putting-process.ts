/**
 * A process for `kill.test.ts`: stores and removes pictures until it is killed, and prints a line before and after
 * each. A printed line acknowledges its change, which must therefore be there.
 */
import { writeSync } from 'node:fs'
import { pino } from 'pino'
import { model, newImage, putImages, removeImages } from '../../gallery/stored-images.js'
import { openEmbeddedGalleries } from './embedded-galleries.js'
import { index } from './storage-folder.js'
import { seededRandom, unitVectors } from './vector-index/unit-vectors.js'

const [dataDir, firstText] = process.argv.slice(2)
const first = Number(firstText)
const random = seededRandom(first + 1)
const say = (line: string): void => void writeSync(1, `${line}\n`)

const galleries = await openEmbeddedGalleries({
  dataDir: dataDir!,
  model,
  // Graph caches and rebuilds are frequent enough for kills to hit them as well.
  index: { ...index, tombstoneShare: 0.05 },
  storage: { graphCacheAfterWrites: 40 },
  logger: pino({ level: 'silent' }),
})
await galleries.create('a')
say('ready')

let next = first
/** Acknowledged by this process and not yet being removed. */
const removable: string[] = []

async function putForever(): Promise<never> {
  for (;;) {
    const ids = Array.from({ length: 1 + Math.floor(random() * 4) }, () => String(next++))
    await putImages(
      galleries.images,
      'a',
      ids.map((id) => newImage(id, unitVectors({ dimension: model.dimension, seed: Number(id) })())),
    )
    say(`put ${ids.join(' ')}`)
    removable.push(...ids)
    if (random() < 0.2) {
      const [id] = removable.splice(Math.floor(random() * removable.length), 1)
      say(`removing ${id}`)
      await removeImages(galleries.images, 'a', [id!])
      say(`removed ${id}`)
    }
  }
}

await Promise.all([putForever(), putForever(), putForever()])
