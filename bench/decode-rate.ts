/**
 * Decoding alone, in a process of its own: runs `prepareImage` with a given concurrency and duration, and prints one
 * line of JSON.
 */
import { readModel } from '../src/embedding/model-manifest.js'
import { prepareImage } from '../src/image/prepare.js'
import { drawWebImages } from './web-images.js'

export interface DecodeRate {
  atOnce: number
  thumbnail: boolean
  perSecond: number
  /** Core milliseconds per picture. */
  cpuMs: number
}

const [folder, atOnceText, secondsText, thumbnailText] = process.argv.slice(2) as [string, string, string, string]
const { preprocessing } = (await readModel(folder)).manifest
const images = await drawWebImages(32)
const [atOnce, seconds, thumbnail] = [Number(atOnceText), Number(secondsText), thumbnailText === 'true']

/** @returns the number of pictures decoded */
async function decodeFor(ms: number): Promise<number> {
  const endAt = performance.now() + ms
  let done = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() < endAt) {
        const { bytes } = images[done++ % images.length]!
        await prepareImage(bytes, { preprocessing, maxPixels: 1e8, ...(thumbnail && { thumbnail: { maxSide: 192 } }) })
      }
    }),
  )
  return done
}

await decodeFor(300)
const before = process.cpuUsage()
const startedAt = performance.now()
const done = await decodeFor(seconds * 1000)
const { user, system } = process.cpuUsage(before)
const rate: DecodeRate = {
  atOnce,
  thumbnail,
  perSecond: (done / (performance.now() - startedAt)) * 1000,
  cpuMs: (user + system) / 1000 / done,
}
console.log(JSON.stringify(rate))
