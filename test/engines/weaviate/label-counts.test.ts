import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valueToken } from '../../../src/engines/weaviate/filter-tokens.js'
import { firstWordOf } from '../../../src/engines/weaviate/id-words.js'
import { describingProperties } from '../../../src/engines/weaviate/image-object.js'
import { type LabelledCollection, labelCounts } from '../../../src/engines/weaviate/label-counts.js'
import { LaggingReplicas } from './lagging-replicas.js'

test('labels follow one whose last picture is removed while they are counted', async () => {
  const labels = ['a', 'b', 'c', 'd']
  let asked = 0
  const collection = {
    // a picture for each label that is still unknown
    sortedFully: async () =>
      labels.slice(asked++).map((label) => ({ properties: { label, labelWord: firstWordOf(label) } })),
    count: async ({ value }: { value: string[] }) =>
      [null, 'a'].some((gone) => value.includes(valueToken('label', gone))) ? 0 : 1,
    isByOne: async () => true,
  } as unknown as LabelledCollection
  assert.deepEqual(await labelCounts(collection, { limit: 3 }), [
    { label: 'b', count: 1 },
    { label: 'c', count: 1 },
    { label: 'd', count: 1 },
  ])
})

/** One picture for each label, every third of which one replica or another has missed. */
function labelled(seed: number, labels: readonly (string | null)[]): LaggingReplicas {
  const replicas = new LaggingReplicas(seed)
  labels.forEach((label, i) => {
    const at = i % 3 === 0 ? undefined : [0, 1, 2]
    replicas.write(`p${i}`, { stamp: i + 1, ...describingProperties({ label, metadata: {} }, false) }, at)
  })
  return replicas
}

async function listed(replicas: LaggingReplicas, limit: number): Promise<(string | null)[]> {
  const found: (string | null)[] = []
  for (let after: string | undefined; ; ) {
    const counts = await labelCounts(replicas, { after, limit })
    found.push(...counts.map(({ label }) => label))
    if (counts.length < limit) return found
    after = counts.at(-1)!.label!
  }
}

test('no label is missing that a replica missed, however labels begin', async () => {
  const numbered = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(3, '0')}`)
  const labels = [null, ...numbered('', 40), ...numbered('alike ', 50), ...numbered('many many ', 250)]
  for (const seed of [1, 2])
    for (const limit of [7, 1_000])
      assert.deepEqual(await listed(labelled(seed, labels), limit), labels, `seed ${seed}`)
})

test('pictures that only other replicas have are counted', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const replicas = new LaggingReplicas(seed)
    const write = (id: string, stamp: number, label: string | null, at: number[]) =>
      replicas.write(id, { stamp, ...describingProperties({ label, metadata: {} }, false) }, at)
    write('old', 1, 'b', [0, 1, 2])
    for (const [i, id] of ['x', 'y', 'z'].entries()) write(id, 2 + i, i < 2 ? 'a' : null, [0, 1])
    const counts = await labelCounts(replicas, { limit: 10 })
    assert.deepEqual(
      counts.map(({ label }) => label),
      [null, 'a', 'b'],
    )
    assert.equal(counts[1]!.count, 2)
  }
})
