/**
 * `split.json` in the folder of a network: which pictures it was trained on, chosen with and tested on. Pictures are
 * known by their bytes, so that they may be renamed and others added, and a published network names none of them.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { AlikeError } from '../errors.js'
import { bytesHashOf } from './image-bytes.js'
import { type LabelledImage, type Split, splits } from './labelled-image.js'
import type { SplitImage } from './split.js'

export const splitRecordFile = 'split.json'

/** A prefix of the SHA-256: two of a billion pictures share one with a probability of 3 %. */
const digits = 16
const Hashes = Type.Array(Type.String({ pattern: `^[0-9a-f]{${digits}}$` }))
const Parts = Type.Object({ train: Hashes, val: Hashes, test: Hashes })
const Stored = Type.Intersect([Parts, Type.Object({ earlier: Type.Optional(Parts) })])

type Parts = Record<Split, string[]>

export interface SplitRecord {
  /** Of the network. */
  folder: string
  /** Of its own parts, hex: equal for equal pictures in equal parts. */
  sha256: string
  /** Its own, and those of other pictures in the records of the networks that it learnt from. */
  parts: Record<Split, ReadonlySet<string>>
}

/**
 * @param learntFrom records of the networks that it started from, or was taught by
 * @returns the file's text, and `sha256` as in `SplitRecord`; unreadable pictures are left out
 */
export async function recordOf(
  images: readonly SplitImage[],
  learntFrom: readonly SplitRecord[] = [],
): Promise<{ text: string; sha256: string }> {
  const parts: Parts = { train: [], val: [], test: [] }
  const keys = await keysOf(images)
  for (const [i, { split }] of images.entries()) if (keys[i] !== '') parts[split].push(keys[i]!)
  for (const split of splits) parts[split].sort()
  const earlier = learntFrom.length === 0 ? undefined : partsBeside(new Set(keys), learntFrom)
  return { text: textOf({ ...parts, earlier }), sha256: sha256Of(parts) }
}

/** Of the pictures that are not `own`; of several parts, the one that a network has learnt most from. */
function partsBeside(own: ReadonlySet<string>, records: readonly SplitRecord[]): Parts {
  const known = new Set(own)
  const partOf = (split: Split): string[] => {
    const keys = new Set(records.flatMap(({ parts }) => [...parts[split]]))
    const others = [...keys].filter((key) => !known.has(key)).sort()
    for (const key of others) known.add(key)
    return others
  }
  return { train: partOf('train'), val: partOf('val'), test: partOf('test') }
}

const textOf = (stored: Parts & { earlier?: Parts | undefined }): string => `${JSON.stringify(stored)}\n`

const sha256Of = ({ train, val, test }: Parts): string =>
  createHash('sha256').update(textOf({ train, val, test })).digest('hex')

/** Of those networks that have one. @throws AlikeError `model_unreadable` */
export async function readRecords(folders: readonly string[]): Promise<SplitRecord[]> {
  return (await Promise.all(folders.map(readRecord))).filter((record) => record !== undefined)
}

/**
 * @param folder of a network; starting weights from elsewhere may be one file
 * @returns undefined if there is none
 * @throws AlikeError `model_unreadable`
 */
async function readRecord(folder: string): Promise<SplitRecord | undefined> {
  try {
    const text = await readFile(join(folder, splitRecordFile), 'utf8')
    const { earlier, ...own } = Value.Parse(Stored, JSON.parse(text))
    const both = (split: Split) => new Set([...own[split], ...(earlier?.[split] ?? [])])
    return { folder, sha256: sha256Of(own), parts: { train: both('train'), val: both('val'), test: both('test') } }
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code!)) return undefined
    throw new AlikeError('model_unreadable', { detail: `${join(folder, splitRecordFile)} cannot be read.`, cause })
  }
}

/**
 * Group → its part in the records. Of several, as of pictures that turned out to be copies of each other, the one that
 * networks have learnt most from.
 */
export async function recordedParts(
  images: readonly LabelledImage[],
  records: readonly SplitRecord[],
): Promise<Map<string, Split>> {
  const found = new Map<string, Split>()
  if (records.length === 0) return found
  const keys = await keysOf(images)
  for (const part of splits.toReversed())
    for (const [i, { group }] of images.entries())
      if (records.some(({ parts }) => parts[part].has(keys[i]!))) found.set(group, part)
  return found
}

/** @throws AlikeError `split_differs` if the data has pictures in val or test that a network has learnt more from */
export async function expectUnseen(images: readonly LabelledImage[], records: readonly SplitRecord[]): Promise<void> {
  const held = images.filter(({ split }) => split === 'val' || split === 'test') as SplitImage[]
  const keys = records.length === 0 ? [] : await keysOf(held)
  for (const { folder, parts } of records) {
    const seen = held.filter(({ split }, i) => {
      const earlier = splits.slice(0, splits.indexOf(split))
      return !parts[split].has(keys[i]!) && earlier.some((part) => parts[part].has(keys[i]!))
    })
    if (seen.length === 0) continue
    const { id, split } = seen[0]!
    throw new AlikeError('split_differs', {
      detail: `${seen.length} of its pictures, such as "${id}" in ${split}, were in another part when ${folder} was trained, which would now seem better than it is.`,
    })
  }
}

/** '' for a picture that cannot be read. */
async function keysOf(images: readonly LabelledImage[]): Promise<string[]> {
  const keys: string[] = []
  for (const image of images) keys.push(((await bytesHashOf(image)) ?? '').slice(0, digits))
  return keys
}
