/**
 * Named tensors in one file, in the safetensors layout: 8 bytes of header length (little endian), a JSON header name →
 * { dtype, shape, data_offsets }, then the values. Written as float32, read from any float type.
 */
import { randomUUID } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from '../durable-files.js'
import { unfinishedName } from './abandoned.js'
import { halvesToFloats } from './half-floats.js'

export interface NamedTensor {
  name: string
  shape: number[]
  values: Float32Array
}

export interface TensorFile {
  tensors: NamedTensor[]
  metadata: Record<string, string>
}

/** Between the name of a file and the process that writes it. */
export const unfinished = '.part-'

/**
 * Written under a name of its own, synced, then renamed: readers see either the old file or the new one, and of two
 * writers neither gets the other's values.
 * @param mayReplace right before the renaming; the old file stays if it throws
 * @returns the new file's facts
 */
export async function writeTensors(
  path: string,
  { tensors, metadata }: TensorFile,
  mayReplace: () => Promise<void> = async () => {},
): Promise<BigIntStats> {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let offset = 0
  for (const { name, shape, values } of tensors)
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, (offset += values.byteLength)] }
  const json = Buffer.from(JSON.stringify(header))
  // padded with spaces so that the values begin at a multiple of 8
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))

  const temporary = `${unfinishedName(`${path}${unfinished}`)}-${randomUUID()}`
  let facts: BigIntStats
  try {
    facts = await writeSettled(temporary, [length, padded, ...tensors.map(({ values }) => bytesOf(values))])
    await mayReplace()
  } catch (error) {
    await rm(temporary, { force: true }) // on a full disk it would take the last of the room
    throw error
  }
  await rename(temporary, path)
  await syncFolder(dirname(path))
  return facts
}

async function writeSettled(path: string, parts: readonly Uint8Array[]): Promise<BigIntStats> {
  const file = await open(path, 'w')
  try {
    // unlike writev, which returns early on a full disk, writeFile fails unless everything is written
    await file.writeFile(parts)
    await file.sync()
    return await file.stat({ bigint: true })
  } finally {
    await file.close()
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

export async function readTensors(path: string): Promise<TensorFile> {
  return parseTensors(await readFile(path))
}

/** Element type in the file → decoder to floats. Types that no weight has (counters, flags) are omitted. */
const decoders: Record<string, (bytes: ArrayBuffer) => Float32Array> = {
  F32: (bytes) => new Float32Array(bytes),
  F64: (bytes) => Float32Array.from(new Float64Array(bytes)),
  F16: (bytes) => halvesToFloats(new Uint16Array(bytes)),
  // a bfloat16 is the upper half of a float32
  BF16: (bytes) => new Float32Array(Uint32Array.from(new Uint16Array(bytes), (bits) => bits << 16).buffer),
  U8: (bytes) => Float32Array.from(new Uint8Array(bytes)),
}

/** @throws Error if the bytes are no such file, or end early */
export function parseTensors(bytes: Buffer): TensorFile {
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    Record<string, unknown>
  >
  const tensors = Object.entries(entries).flatMap(([name, entry]) => {
    const { dtype, shape, data_offsets } = entry as { dtype: string; shape: number[]; data_offsets: [number, number] }
    const [from, to] = data_offsets
    if (start + to > bytes.length) throw new RangeError(`it ends before ${name} does`)
    const decode = decoders[dtype]
    // copied, because the file's buffer need not be aligned to four bytes
    return decode === undefined
      ? []
      : [{ name, shape, values: decode(Uint8Array.from(bytes.subarray(start + from, start + to)).buffer) }]
  })
  return { tensors, metadata: metadata as Record<string, string> }
}
