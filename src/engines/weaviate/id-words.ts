/**
 * Sorts ids by their UTF-8 bytes on a server that only sorts numbers: the first bytes as integers that a float64
 * represents exactly. Ids may be longer than all words; the reader sorts by the rest.
 */

/** Bytes per word: 48 bits. */
export const bytesPerWord = 6
export const wordNames = ['word0', 'word1', 'word2', 'word3', 'word4', 'word5', 'word6', 'word7'] as const
export type WordName = (typeof wordNames)[number]

/** Padded with zeros: no text contains NUL. */
export function wordsOf(text: string): number[] {
  const bytes = Buffer.alloc(wordNames.length * bytesPerWord)
  Buffer.from(text).copy(bytes)
  return wordNames.map((_, i) => bytes.readUIntBE(i * bytesPerWord, bytesPerWord))
}

export function wordProperties(id: string): Record<WordName, number> {
  const words = wordsOf(id)
  return Object.fromEntries(wordNames.map((name, i) => [name, words[i]!])) as Record<WordName, number>
}

/** Of a label, for sorting labels. */
export function firstWordOf(label: string): number {
  return wordsOf(label)[0]!
}
