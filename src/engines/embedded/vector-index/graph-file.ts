/**
 * A graph as a file: blocks of slots, each preceded by its length in 32-bit words (little endian). The graph that reads
 * them checks them (`native/graph.h`); the caller checks the checksum.
 */
import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { HnswGraph } from './hnsw-graph.js'

const bytesPerWord = 4
/** Maximum length of a block: even 4,096 slots with as many links and layers as possible are far shorter. */
const blockWordsMax = 2 ** 26

/** Resolves when the file is on disk. Use it while the graph is unchanged. @returns its SHA-256 */
export async function writeGraphFile(path: string, graph: HnswGraph): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx')
  try {
    for (const block of graph.blocks()) {
      for (const words of [Uint32Array.of(block.length), block]) {
        const bytes = new Uint8Array(words.buffer)
        hash.update(bytes)
        await file.appendFile(bytes)
      }
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

/**
 * Reads a graph of `count` slots into an empty one.
 * @returns the SHA-256 of the file
 * @throws Error unless it contains such a graph
 */
export async function readGraphFile(path: string, graph: HnswGraph, count: number): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'r')
  try {
    await graph.take(blocksOf(file, hash), count)
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

async function* blocksOf(file: FileHandle, hash: Hash): AsyncGenerator<Uint32Array> {
  const { size } = await file.stat()
  for (let offset = 0; offset < size; ) {
    const [length] = await wordsAt(file, offset, 1)
    if (length! > Math.min(blockWordsMax, size / bytesPerWord)) throw new Error('a block is longer than the file')
    const block = await wordsAt(file, offset + bytesPerWord, length!)
    hash.update(Uint32Array.of(length!)).update(new Uint8Array(block.buffer))
    yield block
    offset += bytesPerWord * (1 + length!)
  }
}

async function wordsAt(file: FileHandle, offset: number, length: number): Promise<Uint32Array<ArrayBuffer>> {
  const words = new Uint32Array(length)
  const { bytesRead } = await file.read(words, 0, words.byteLength, offset)
  if (bytesRead < words.byteLength) throw new Error('it ends in the middle of a block')
  return words
}
