/** Converts hit judgements, as returned by `GET …/feedback`, into pairs of training pictures. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { bytesOf } from '../../datasets/image-bytes.js'
import type { SplitImage } from '../../datasets/split.js'
import { AlikeError } from '../../errors.js'

export interface JudgedPair {
  /** Positions in `data.train`. */
  pair: readonly [number, number]
  right: boolean
}

export interface JudgedPairs {
  pairs: JudgedPair[]
  /**
   * Lines in the file, and the number of those with a picture that is not in the data set, is held out, or whose bytes
   * are unknown.
   */
  lines: number
  unknown: number
  /** Pairs with as many votes for as against. */
  undecided: number
}

interface Line {
  query: { id?: string }
  queryHash?: string
  hit: string
  hitHash?: string
  verdict: 'right' | 'wrong'
}

/**
 * Matches pictures by their bytes, or by their stored id if the data set uses the same ids. Only pairs of training
 * pictures count; held-out pictures stay held out.
 * @throws AlikeError `dataset_unusable`
 */
export async function readJudgedPairs(
  file: string,
  { images, train }: { images: readonly SplitImage[]; train: readonly number[] },
): Promise<JudgedPairs> {
  const lines = await readLines(file)
  const find = await finder(images, train)
  const votes = new Map<string, { pair: readonly [number, number]; balance: number }>()
  let unknown = 0
  for (const { query, queryHash, hit, hitHash, verdict } of lines) {
    const [a, b] = [find(queryHash, query.id), find(hitHash, hit)]
    if (a === undefined || b === undefined || a === b) {
      unknown += 1
      continue
    }
    const pair = a < b ? ([a, b] as const) : ([b, a] as const)
    const vote = votes.get(pair.join()) ?? { pair, balance: 0 }
    vote.balance += verdict === 'right' ? 1 : -1
    votes.set(pair.join(), vote)
  }
  const decided = [...votes.values()].filter(({ balance }) => balance !== 0)
  return {
    pairs: decided.map(({ pair, balance }) => ({ pair, right: balance > 0 })),
    lines: lines.length,
    unknown,
    undecided: votes.size - decided.length,
  }
}

async function readLines(file: string): Promise<Line[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new AlikeError('dataset_unusable', { detail: 'The file of feedback cannot be read.', cause })
  }
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return []
    try {
      const read = JSON.parse(line) as Line
      if (typeof read.query === 'object' && typeof read.hit === 'string' && /^(right|wrong)$/.test(read.verdict))
        return [read]
    } catch {
      // reported below
    }
    throw new AlikeError('dataset_unusable', { detail: `Line ${i + 1} of the feedback is not a judgement.` })
  })
}

async function finder(images: readonly SplitImage[], train: readonly number[]) {
  const byHash = new Map<string, number>()
  const byId = new Map<string, number>()
  for (const [position, index] of train.entries()) {
    const image = images[index]!
    byId.set(image.id, position)
    byHash.set(
      createHash('sha256')
        .update(await bytesOf(image))
        .digest('hex'),
      position,
    )
  }
  return (hash: string | undefined, id: string | undefined): number | undefined =>
    hash !== undefined ? byHash.get(hash) : id === undefined ? undefined : byId.get(id)
}
