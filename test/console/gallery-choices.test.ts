/** What the gallery dialogs send: what was chosen, and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  changeOf,
  mayRelease,
  moveBody,
  newGalleryBody,
  nothingNew,
  nothingStored,
  rulesOf,
} from '../../src/console/gallery/gallery-choices.js'

const gallery = { originals: 'keep', holdsOriginals: true, keepQueries: 20 } as const

test('for a new gallery only what was chosen is sent', () => {
  for (const [choices, body] of [
    [{}, {}],
    [{ keepQueries: '0', originals: '' }, {}],
    [{ keepQueries: '50' }, { keepQueries: 50 }],
    [{ maxImages: '0' }, { maxImages: 0 }],
    [
      { originals: 'none', model: 'm' },
      { originals: 'none', model: 'm' },
    ],
    [{ engine: 'embedded', shards: '3', replicas: '2' }, { engine: 'embedded' }],
    [
      { engine: 'weaviate', distributed: true, shards: '3', replicas: '', quantisation: 'rq8' },
      { engine: 'weaviate', shards: 3, quantisation: 'rq8' },
    ],
  ] as const)
    assert.deepEqual(newGalleryBody({ ...nothingNew, ...choices }), body, JSON.stringify(choices))
})

test('a change contains the differences from the gallery; without any, nothing is sent', () => {
  const rules = rulesOf(gallery)
  for (const [choices, change] of [
    [{}, undefined],
    [{ release: true }, undefined],
    [{ keepQueries: '20' }, undefined],
    [{ keepQueries: '' }, { keepQueries: 0 }],
    [{ keepQueries: '5' }, { keepQueries: 5 }],
    [{ maxImages: '1000' }, { maxImages: 1000 }],
    [{ originals: 'none' }, { originals: 'none' }],
    [
      { originals: 'reference', release: true },
      { originals: 'reference', releaseOriginals: true },
    ],
  ] as const)
    assert.deepEqual(changeOf(gallery, { ...rules, ...choices }), change, JSON.stringify(choices))
})

test('a limit on pictures is sent when it is changed, and as null when it is lifted', () => {
  const limited = { ...gallery, maxImages: 10 }
  const rules = rulesOf(limited)
  assert.equal(changeOf(limited, rules), undefined)
  assert.deepEqual(changeOf(limited, { ...rules, maxImages: '' }), { maxImages: null })
  assert.deepEqual(changeOf(limited, { ...rules, maxImages: '0' }), { maxImages: 0 })
})

test('originals can only be released if some are held and no more are kept', () => {
  const none = { ...rulesOf(gallery), originals: 'none' } as const
  assert.equal(mayRelease(gallery, rulesOf(gallery)), false)
  assert.equal(mayRelease(gallery, none), true)
  assert.equal(mayRelease({ holdsOriginals: false }, none), false)
})

test('a move names its engine, the layout of a cluster, and a rate if one was chosen', () => {
  assert.deepEqual(moveBody({ ...nothingStored, engine: 'embedded', shards: '3' }, ''), { engine: 'embedded' })
  assert.deepEqual(moveBody({ ...nothingStored, engine: 'weaviate', distributed: true, replicas: '3' }, '20'), {
    engine: 'weaviate',
    replicas: 3,
    ratePerSecond: 20,
  })
})
