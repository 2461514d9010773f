/** Worker thread: loads the decoder, and reports how often that blocked the loaders of the process. */
import { parentPort } from 'node:worker_threads'
import sharp from 'sharp'

let blocked = 0
const { block } = sharp
sharp.block = (loaders) => {
  blocked++
  block(loaders)
}
await import('../../src/image/decoder.js')
parentPort!.postMessage(blocked)
