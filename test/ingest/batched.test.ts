import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { batched } from '../../src/ingest/batched.js'

async function* numbers(delaysMs: number[]): AsyncGenerator<number> {
  for (const [number, delayMs] of delaysMs.entries()) {
    if (delayMs > 0) await sleep(delayMs)
    yield number
  }
}

async function groupsOf(delaysMs: number[], options = { maxSize: 3, maxDelayMs: 60 }): Promise<number[][]> {
  const groups: number[][] = []
  for await (const group of batched(numbers(delaysMs), options)) groups.push(group)
  return groups
}

test('groups are full while items arrive quickly, and never empty', async () => {
  assert.deepEqual(await groupsOf([]), [])
  assert.deepEqual(await groupsOf([0, 0, 0, 0, 0, 0, 0]), [[0, 1, 2], [3, 4, 5], [6]])
})

test('the first item of a group does not wait long for others', async () => {
  let take = () => {}
  const taken = new Promise<void>((resolve) => {
    take = resolve
  })
  async function* source() {
    yield* [0, 1]
    await taken // until the first group has left without the third
    yield* [2, 3]
  }
  const groups: number[][] = []
  for await (const group of batched(source(), { maxSize: 3, maxDelayMs: 60 })) {
    groups.push(group)
    take()
  }
  assert.deepEqual(groups, [
    [0, 1],
    [2, 3],
  ])
})

test('a failure comes after the items before it, and leaving early ends the source', async () => {
  let ended = false
  async function* failing() {
    try {
      yield 1
      yield 2
      throw new Error('broken')
    } finally {
      ended = true
    }
  }
  for (const maxSize of [1, 2, 3]) {
    const seen: number[] = []
    await assert.rejects(async () => {
      for await (const group of batched(failing(), { maxSize, maxDelayMs: 10 })) seen.push(...group)
    }, /broken/)
    assert.deepEqual([seen, ended], [[1, 2], true])
  }

  ended = false
  for await (const _ of batched(failing(), { maxSize: 1, maxDelayMs: 10 })) break
  assert.equal(ended, true)
})

test('a failure while a full group is being processed waits for its turn', async () => {
  let fail = (): void => {}
  const due = new Promise<void>((resolve) => {
    fail = resolve
  })
  async function* failing() {
    yield 1
    yield 2
    await due
    throw new Error('broken')
  }
  const processed: number[][] = []
  await assert.rejects(async () => {
    for await (const group of batched(failing(), { maxSize: 2, maxDelayMs: 60_000 })) {
      fail()
      await sleep(5) // an unhandled failure would end the process now
      processed.push(group)
    }
  }, /broken/)
  assert.deepEqual(processed, [[1, 2]])
})
