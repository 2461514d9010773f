import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ranking } from '../../src/gallery/gallery-ranking.js'
import { KeptRankings } from '../../src/gallery/kept-rankings.js'

const none = async () => []
const emptySet: Parameters<typeof Ranking.open>[0] = {
  nearest: async () => ({
    compared: 0,
    method: 'exact',
    ef: undefined,
    bytes: 0,
    first: none,
    fitting: async () => ({ first: none, bytes: 0 }),
  }),
  vectors: none,
  likeness: async () => new Float32Array(0),
  current: none,
  metadata: none,
  copies: {
    scores: async () => new Float32Array(0),
    likeness: async () => new Float32Array(0),
    descriptor: async () => undefined,
    undescribed: async () => ({ images: [] }),
    describe: async () => 0,
  },
}
const owner = { gallery: 'uid', caller: 'someone' }
const options = { rankingsMax: 10, rankingsMaxBytes: 1e6, expirySeconds: 60, now: () => 0, onDrop: () => {} }

test('a ranking expires a fixed time after its last page, and is counted', async () => {
  let now = 0
  const drops: string[] = []
  const kept = new KeptRankings({ ...options, now: () => now, onDrop: (reason) => void drops.push(reason) })
  const ranking = await Ranking.open(emptySet, { vector: new Float32Array(4) }, { reach: 10 })
  const token = kept.keep({ ranking, modelId: 'm', names: ['a'], setUids: ['s'] }, 5, owner)
  const idle = kept.keep({ ranking, modelId: 'm', names: ['a'], setUids: ['s'] }, 5, owner)
  now = 59_000
  const { place, nextAt } = kept.find(token, owner)
  assert.equal(place, 5)
  const next = nextAt(7)!
  now = 100_000
  assert.throws(() => kept.find(idle, owner), { code: 'page_expired' })
  assert.equal(kept.find(next, owner).place, 7)
  assert.equal(kept.find(token, owner).place, 5, 'a page can be requested again')
  now = 160_000
  assert.throws(() => kept.find(next, owner), { code: 'page_expired' })
  assert.deepEqual([kept.count, kept.bytes, drops], [0, 0, ['expired', 'expired']])
})

test('tokens of another process are not valid here', async () => {
  const ranking = await Ranking.open(emptySet, { vector: new Float32Array(4) }, { reach: 10 })
  const [one, other] = [new KeptRankings(options), new KeptRankings(options)]
  const token = one.keep({ ranking, modelId: 'm', names: ['a'], setUids: ['s'] }, 5, owner)
  other.keep({ ranking, modelId: 'm', names: ['a'], setUids: ['s'] }, 5, owner)
  assert.throws(() => other.find(token, owner), { code: 'page_expired' })
})

test('rankings of a gallery that is deleted are dropped, also those over several galleries', async () => {
  const kept = new KeptRankings(options)
  const ranking = await Ranking.open(emptySet, { vector: new Float32Array(4) }, { reach: 10 })
  const tokens = ['one', 'one+two', 'two+three', 'another'].map((gallery) => {
    const of = { ...owner, gallery }
    return { of, token: kept.keep({ ranking, modelId: 'm', names: ['a'], setUids: ['s'] }, 5, of) }
  })
  kept.forget('one')
  assert.equal(kept.count, 2)
  for (const { of, token } of tokens.slice(2)) assert.equal(kept.find(token, of).place, 5)
})

test('rankings end with the set they were made from, and not with others of its gallery', async () => {
  const kept = new KeptRankings(options)
  const ranking = await Ranking.open(emptySet, { vector: new Float32Array(4) }, { reach: 10 })
  const [old, young] = ['old', 'young'].map((set) =>
    kept.keep({ ranking, modelId: set, names: ['a'], setUids: [set] }, 5, owner),
  )
  assert.equal(kept.find(old!, owner).modelId, 'old')
  kept.forgetSet('old')
  assert.throws(() => kept.find(old!, owner), { code: 'page_expired' })
  assert.equal(kept.find(young!, owner).modelId, 'young')
})

test('a ranking counts as it is after its last page too, and one that is dropped meanwhile does not come back', async () => {
  const kept = new KeptRankings(options)
  let bytes = 100
  const nearest = Object.defineProperty(await emptySet.nearest(undefined as never), 'bytes', { get: () => bytes })
  const set = { ...emptySet, nearest: async () => nearest }
  const ranking = await Ranking.open(set, { vector: new Float32Array(4) }, { reach: 10 })
  const first = kept.keep({ ranking, modelId: 'm', names: ['a'], setUids: ['s'] }, 1, owner)
  const before = kept.bytes
  const { nextAt } = kept.find(first, owner)
  bytes += 1_000
  assert.equal(nextAt(undefined), undefined)
  assert.equal(kept.bytes - before, 1_000)

  const dropped = [kept.find(first, owner), kept.find(first, owner)]
  kept.forgetSet('s')
  for (const page of dropped) assert.throws(() => kept.find(page.nextAt(5)!, owner), { code: 'page_expired' })
  assert.deepEqual([kept.count, kept.bytes], [0, 0])
})
