/**
 * Ids in the order of their UTF-8 for a server that sorts numbers only: the first bytes as whole numbers that a float64 holds.
 * Ids are no longer than they are; what lies behind the last word is ordered by who reads.
 */

/** Bytes of a word: 48 bits. */
const bytesPerWord = 6
export const wordNames = ['word0', 'word1', 'word2', 'word3', 'word4', 'word5', 'word6', 'word7'] as const
export type WordName = (typeof wordNames)[number]

/** Zero behind the end: no text has a NUL. */
export function wordsOf(text: string): number[] {
  const bytes = Buffer.alloc(wordNames.length * bytesPerWord)
  Buffer.from(text).copy(bytes)
  return wordNames.map((_, i) => bytes.readUIntBE(i * bytesPerWord, bytesPerWord))
}

export function wordProperties(id: string): Record<WordName, number> {
  const words = wordsOf(id)
  return Object.fromEntries(wordNames.map((name, i) => [name, words[i]!])) as Record<WordName, number>
}

/** Of a label, for the order of labels. */
export function firstWordOf(label: string): number {
  return wordsOf(label)[0]!
}
