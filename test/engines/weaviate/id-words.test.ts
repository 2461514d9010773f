import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wordNames, wordsOf } from '../../../src/engines/weaviate/id-words.js'
import { compareTexts } from '../../../src/gallery/fits.js'
import { seededRandom } from '../embedded/vector-index/unit-vectors.js'

const wordsLength = 48

test('words sort like the first bytes of ids', () => {
  const random = seededRandom(3)
  const letters = ['a', 'b', '0', '/', 'é', 'z', '\u{1f600}', '\uffee']
  const texts = Array.from({ length: 400 }, () =>
    Array.from({ length: 30 + Math.floor(random() * 25) }, (_, i) =>
      i < 28 ? 'a' : letters[Math.floor(random() * 8)]!,
    ).join(''),
  )
  const sign = (order: number) => Math.sign(order)
  for (const a of texts.slice(0, 60)) {
    for (const b of texts) {
      const [ofA, ofB] = [wordsOf(a), wordsOf(b)]
      const differing = ofA.findIndex((word, i) => word !== ofB[i])
      const first = (text: string) => Buffer.from(text).subarray(0, wordsLength).toString('hex')
      assert.equal(
        differing === -1 ? 0 : sign(ofA[differing]! - ofB[differing]!),
        first(a) === first(b) ? 0 : sign(compareTexts(a, b)),
      )
    }
  }
})

test('words are integers that a float64 represents exactly, zero past the end', () => {
  const words = wordsOf('\u{10ffff}'.repeat(50))
  assert.equal(words.length, wordNames.length)
  assert.ok(words.every(Number.isSafeInteger))
  assert.deepEqual(wordsOf('ab'), [0x616200000000, ...Array<number>(7).fill(0)])
})
