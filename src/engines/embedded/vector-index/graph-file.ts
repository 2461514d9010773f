/**
 * Checks the structure of hnswlib's files without hnswlib, which reports no error on a full disk and trusts whatever it
 * reads.
 *
 * Header of 96 bytes (little endian); then `count` nodes of `nodeBytes` (links of the base layer, vector, slot); then
 * for each node the size of its upper links and the links.
 */
import type { FileHandle } from 'node:fs/promises'
import type { GraphSettings } from './hnsw-graph.js'

const headerBytes = 96

/**
 * @param count expected number of nodes
 * @returns the fault, or undefined if there is none
 */
export async function faultOfGraphFile(
  file: FileHandle,
  settings: GraphSettings,
  count: number,
): Promise<string | undefined> {
  const { size } = await file.stat()
  const header = Buffer.alloc(headerBytes)
  const { bytesRead } = await file.read(header, 0, headerBytes, 0)
  if (bytesRead < headerBytes) return 'the file is shorter than its header'

  const number = (offset: number): number => Number(header.readBigUInt64LE(offset))
  const baseLinksBytes = settings.m * 2 * 4 + 4
  const upperLinksBytes = settings.m * 4 + 4
  const nodeBytes = baseLinksBytes + settings.dimension * 4 + 8
  const expected: [name: string, found: number, wanted: number][] = [
    ['offset of the base layer', number(0), 0],
    ['count', number(16), count],
    ['bytes of a node', number(24), nodeBytes],
    ['offset of the slot', number(32), baseLinksBytes + settings.dimension * 4],
    ['offset of the vector', number(40), baseLinksBytes],
    ['links above', number(56), settings.m],
    ['links of the base layer', number(64), settings.m * 2],
    ['M', number(72), settings.m],
  ]
  const wrong = expected.find(([, found, wanted]) => found !== wanted)
  if (wrong !== undefined) return `${wrong[0]} is ${wrong[1]} instead of ${wrong[2]}`
  if (number(8) < count) return 'it has less room than nodes'
  if (header.readUInt32LE(52) >= count) return 'its entry point is no node'

  const tail = Buffer.alloc(Math.max(0, size - headerBytes - count * nodeBytes))
  const read = await file.read(tail, 0, tail.length, headerBytes + count * nodeBytes)
  if (read.bytesRead < tail.length) return 'it became shorter while it was read'
  let offset = 0
  for (let node = 0; node < count; node++) {
    if (offset + 4 > tail.length) return `it ends before the upper links of node ${node}`
    const bytes = tail.readUInt32LE(offset)
    if (bytes % upperLinksBytes !== 0) return `node ${node} has upper links of an impossible size`
    offset += 4 + bytes
  }
  return offset === tail.length ? undefined : 'its length does not fit its nodes'
}
