import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type RoomShare, SharedRoom } from '../../src/ingest/shared-room.js'

/** A job that takes as much as it is given, one piece after the other or several at once. */
class Taker {
  readonly share: RoomShare
  readonly #held: (() => void)[] = []
  #hasLeft = false

  constructor(room: SharedRoom, amount: number, atOnce = 1) {
    this.share = room.enter()
    for (let n = 0; n < atOnce; n++) void this.#take(amount)
  }

  get held(): number {
    return this.#held.length
  }

  release(count: number): void {
    for (const release of this.#held.splice(0, count)) release()
  }

  leave(): void {
    this.#hasLeft = true
    this.share.leave()
  }

  async #take(amount: number): Promise<void> {
    while (!this.#hasLeft) this.#held.push(await this.share.take(amount))
  }
}

test('a job that is alone has all of the room, and something larger than that alone', async () => {
  for (const [amount, held] of [
    [25, 4],
    [30, 3],
    [500, 1],
  ] as const)
    for (const atOnce of [1, 3]) {
      const job = new Taker(new SharedRoom(100), amount, atOnce)
      await nextTurn()
      assert.equal(job.held, held)
      job.release(held)
      await nextTurn()
      assert.equal(job.held, held)
    }
})

test('jobs share the room equally; a newcomer gets its first piece at once, the others as room is released', async () => {
  for (const atOnce of [1, 5]) {
    const room = new SharedRoom(8)
    const first = new Taker(room, 1, atOnce)
    await nextTurn()
    const second = new Taker(room, 1, atOnce)
    const steps = [[first.held, second.held]]
    for (const released of [0, 2, 1, 3]) {
      first.release(released)
      await nextTurn()
      steps.push([first.held, second.held])
    }
    assert.deepEqual(steps, [
      [8, 0],
      [8, 1],
      [6, 2],
      [5, 3],
      [4, 4],
    ])
  }
})

test('each job has something in progress, even if there is less room than jobs', async () => {
  const room = new SharedRoom(1)
  const jobs = [new Taker(room, 1), new Taker(room, 1), new Taker(room, 1)]
  await nextTurn()
  assert.deepEqual(
    jobs.map(({ held }) => held),
    [1, 1, 1],
  )
})

test('the share of a job that leaves is free, also of what it has not released, and what waited ends', async () => {
  const room = new SharedRoom(8)
  const [first, second] = [new Taker(room, 1), new Taker(room, 1)]
  await nextTurn()
  assert.deepEqual([first.held, second.held], [4, 4])
  first.leave()
  await nextTurn()
  assert.deepEqual([first.held, second.held], [5, 8])
})

test('what a job takes after it has left does not wait', async () => {
  const room = new SharedRoom(2)
  const [first, second] = [room.enter(), room.enter()]
  await Promise.all([first, second].map(({ take }) => take(1)))
  first.leave()
  await second.take(1)
  await first.take(1)
})
