/** Which nodes are in doubt, and since when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFreeFor } from '../../../src/engines/weaviate/node-note.js'
import { NodeSightings, type Sighting } from '../../../src/engines/weaviate/node-sightings.js'

const of = (a: Sighting, b?: Sighting) => new Map([['a', a], ...(b === undefined ? [] : ([['b', b]] as const))])
const here = of('here', 'here')

function seenFrom(from: number, to: number, sightings = new NodeSightings()): NodeSightings {
  for (let at = from; at <= to; at += 1_000) sightings.record(here, at)
  return sightings
}

test('nodes that are there all the time are never in doubt', () => {
  const sightings = seenFrom(0, 60_000)
  assert.equal(sightings.inDoubtSince, undefined)
  assert.deepEqual(sightings.soundUntil, { a: 60_000, b: 60_000 })
})

for (const [how, gone] of [
  ['does not answer', of('here', 'away')],
  ['is not told of any more', of('here')],
] as const)
  test(`a node that ${how} is in doubt since it was last seen, once it is back`, () => {
    const sightings = seenFrom(0, 20_000)
    for (let at = 21_000; at <= 400_000; at += 1_000) sightings.record(gone, at)
    assert.equal(sightings.inDoubtSince, undefined, 'nothing can be added to its graphs yet')
    assert.deepEqual(sightings.inDoubt, ['b'])
    seenFrom(401_000, 405_000, sightings)
    assert.equal(sightings.inDoubtSince, 20_000)
    assert.deepEqual(sightings.soundUntil, { a: 405_000, b: 20_000 })
    assert.deepEqual(sightings.inDoubt, ['b'])
    sightings.repaired(403_000)
    assert.equal(sightings.inDoubtSince, undefined)
    assert.deepEqual(sightings.inDoubt, [])
    sightings.record(here, 406_000)
    assert.deepEqual(sightings.soundUntil, { a: 406_000, b: 406_000 })
  })

test('a node that goes away again during its repair is in doubt since the first time', () => {
  const sightings = seenFrom(0, 20_000)
  sightings.record(of('here', 'away'), 21_000)
  seenFrom(30_000, 35_000, sightings)
  const began = 31_000
  sightings.record(of('here', 'away'), 36_000)
  seenFrom(37_000, 40_000, sightings)
  sightings.repaired(began)
  assert.equal(sightings.inDoubtSince, 20_000)
})

test('one slow answer is no doubt; a node that is not seen for long may have started anew', () => {
  const sightings = seenFrom(0, 20_000)
  sightings.record(of('here', 'unknown'), 25_000)
  assert.equal(sightings.inDoubtSince, undefined)
  seenFrom(26_000, 27_000, sightings)
  assert.equal(sightings.inDoubtSince, undefined)
  sightings.record(here, 60_000) // nobody has looked meanwhile
  assert.equal(sightings.inDoubtSince, 27_000)
})

test('another process goes on from what was noted', () => {
  const { soundUntil } = seenFrom(0, 20_000)
  const { inDoubt } = seenFrom(22_000, 23_000, new NodeSightings({ soundUntil }))
  assert.deepEqual(inDoubt, [], 'a node that has hardly had the time to restart is not avoided')
  assert.equal(seenFrom(50_000, 51_000, new NodeSightings({ soundUntil })).inDoubtSince, 20_000)
})

test('a node may have restarted in the moment between two processes that watch it', () => {
  const { soundUntil } = seenFrom(0, 20_000)
  const sightings = seenFrom(22_000, 25_000, new NodeSightings({ soundUntil }))
  assert.equal(sightings.inDoubtSince, 20_000)
  assert.deepEqual(sightings.soundUntil, soundUntil, 'the next process knows of it, too')
  sightings.repaired(24_000)
  assert.equal(sightings.inDoubtSince, undefined)
  seenFrom(26_000, 27_000, sightings)
  assert.deepEqual(sightings.soundUntil, { a: 27_000, b: 27_000 })

  const away = new NodeSightings({ soundUntil })
  away.record(of('here', 'away'), 22_000)
  assert.deepEqual(away.inDoubt, ['b'])
  seenFrom(23_000, 24_000, away)
  assert.deepEqual([away.inDoubt, away.inDoubtSince], [['b'], 20_000])
})

test('of a server that nobody has looked at yet nothing is known before; of a node that joins it there is nothing to miss', () => {
  const sightings = seenFrom(50_000, 51_000, new NodeSightings({ soundUntil: {}, before: 20_000 }))
  assert.equal(sightings.inDoubtSince, 20_000)
  assert.equal(sightings.before, undefined)
  assert.equal(seenFrom(22_000, 23_000, new NodeSightings({ soundUntil: {}, before: 20_000 })).inDoubtSince, undefined)
  const { soundUntil } = seenFrom(0, 20_000)
  const { a } = soundUntil
  const joined = seenFrom(21_000, 22_000, new NodeSightings({ soundUntil: { a: a! } }))
  assert.deepEqual(joined.soundUntil, { a, b: 22_000 })
})

const only = of('here')

/** A single node, each second. */
function seenAlone(from: number, to: number, term: number | undefined, sightings = new NodeSightings()): NodeSightings {
  for (let at = from; at <= to; at += 1_000) sightings.record(only, at, term)
  return sightings
}

test('a single node that has not restarted between two processes is in no doubt, as its term shows', () => {
  const { soundUntil, term } = seenAlone(0, 20_000, 4)
  assert.equal(term, 4)
  const known = { soundUntil, term }
  const next = seenAlone(900_000, 900_000, 4, new NodeSightings(known))
  assert.equal(next.inDoubtSince, undefined)
  assert.deepEqual([next.soundUntil, next.term], [{ a: 900_000 }, 4])
  for (const [name, other] of [
    ['restarted', 5],
    ['does not tell its term', undefined],
  ] as const) {
    const sightings = seenAlone(900_000, 901_000, other, new NodeSightings(known))
    assert.equal(sightings.inDoubtSince, 20_000, name)
    assert.equal(sightings.term, undefined, `${name}: not recorded while it is in doubt`)
  }
  assert.equal(seenAlone(900_000, 901_000, 4, new NodeSightings({ soundUntil })).inDoubtSince, 20_000, 'none left')
})

test('a single node that was not seen for a while is in doubt only if its term has changed', () => {
  const sightings = seenAlone(0, 20_000, 4)
  seenAlone(60_000, 61_000, 4, sightings)
  assert.equal(sightings.inDoubtSince, undefined)
  seenAlone(62_000, 63_000, undefined, sightings) // it starts
  seenAlone(64_000, 66_000, 5, sightings)
  assert.deepEqual([sightings.inDoubtSince, sightings.inDoubt], [61_000, ['a']], 'however short its absence was')
  sightings.repaired(65_000)
  assert.equal(sightings.inDoubtSince, undefined)
  seenAlone(67_000, 67_000, 5, sightings)
  assert.deepEqual([sightings.soundUntil, sightings.term], [{ a: 67_000 }, 5])
})

test('a node that has restarted is in doubt also if the clock of the process before was ahead', () => {
  const known = { soundUntil: { a: 20_000 }, term: 4 }
  assert.equal(seenAlone(15_000, 16_000, 5, new NodeSightings(known)).inDoubtSince, 14_999)
  assert.equal(seenAlone(15_000, 16_000, undefined, new NodeSightings(known)).inDoubtSince, 14_999)
  const { soundUntil } = seenFrom(0, 20_000)
  assert.equal(seenFrom(15_000, 16_000, new NodeSightings({ soundUntil })).inDoubtSince, 14_999)
})

test('a clock that is behind that of the process before is no doubt of its own', () => {
  const same = seenAlone(15_000, 16_000, 4, new NodeSightings({ soundUntil: { a: 20_000 }, term: 4 }))
  assert.deepEqual([same.inDoubtSince, same.soundUntil], [undefined, { a: 16_000 }])
  const unseen = seenAlone(15_000, 16_000, 4, new NodeSightings({ soundUntil: {}, before: 20_000 }))
  assert.deepEqual([unseen.inDoubtSince, unseen.soundUntil], [undefined, { a: 16_000 }])
})

test('a term says nothing once there are several nodes', () => {
  const sightings = seenAlone(0, 20_000, 4)
  seenFrom(21_000, 22_000, sightings)
  assert.equal(sightings.term, undefined)
  assert.deepEqual(sightings.soundUntil, { a: 22_000, b: 22_000 })
})

test('a node that comes back with another address is in doubt since it was last seen', () => {
  const sightings = seenFrom(0, 20_000)
  sightings.record(of('here'), 21_000)
  for (let at = 22_000; at <= 25_000; at += 1_000)
    sightings.record(new Map([...of('here'), ['c', 'here' as const]]), at)
  assert.equal(sightings.inDoubtSince, 20_000)
  sightings.repaired(25_000)
  assert.deepEqual(sightings.soundUntil, { a: 25_000, c: 25_000 })
})

test('two nodes that were away are repaired from where the first was lost', () => {
  const sightings = seenFrom(0, 20_000)
  sightings.record(of('away', 'here'), 21_000)
  sightings.record(of('here', 'here'), 22_000)
  sightings.record(of('here', 'away'), 23_000)
  sightings.record(of('here', 'here'), 24_000)
  assert.equal(sightings.inDoubtSince, 20_000)
  sightings.repaired(24_000)
  assert.equal(sightings.inDoubtSince, undefined)
})

test('one process looks after the nodes until it has noted nothing for a while', () => {
  const noted = { holder: 'one', until: 15_000, soundUntil: {} }
  for (const [holder, at, expected] of [
    ['one', 10_000, true],
    ['two', 10_000, false],
    ['two', 15_001, true],
  ] as const)
    assert.equal(isFreeFor(holder, noted, at), expected, `${holder} at ${at}`)
  assert.ok(isFreeFor('two', undefined, 0))
})
