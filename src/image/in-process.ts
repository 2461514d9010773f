/** Decodes on this process's own threads. */
import type { DecodeEngine } from './decode-engine.js'
import { planWork } from './image-work.js'

export const inProcess: DecodeEngine = {
  where: 'service',
  processes: 0,
  async decode(bytes, work, permitted) {
    const { decodeBytes, run } = await planWork(bytes, work)
    return permitted(decodeBytes, run)
  },
  async close() {},
}
