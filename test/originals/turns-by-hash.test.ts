import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnsByHash } from '../../src/originals/turns-by-hash.js'

test('work on one original runs in order, also after a failure; work on another does not wait', async () => {
  const turns = new TurnsByHash()
  const done: string[] = []
  let letGo = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const work = (name: string, until: Promise<void> = Promise.resolve()) => {
    return async () => {
      await until
      done.push(name)
      if (name === 'fails') throw new Error(name)
      return name
    }
  }
  const first = turns.run('a', work('first', held))
  const failing = assert.rejects(turns.run('a', work('fails')), /fails/)
  const last = turns.run('a', work('last'))
  assert.equal(await turns.run('b', work('other')), 'other')
  assert.deepEqual(done, ['other'])
  letGo()
  assert.deepEqual([await first, await last], ['first', 'last'])
  await failing
  assert.deepEqual(done, ['other', 'first', 'fails', 'last'])
  assert.equal(await turns.run('a', work('later')), 'later')
})
