import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AlikeError } from '../../src/errors.js'
import { CalledThread } from '../../src/worker-calls/called-thread.js'
import type { TestCalls } from './answering-thread.js'

function open({ startsWhenCalled = false } = {}): { thread: CalledThread<TestCalls>; failures: AlikeError[] } {
  const failures: AlikeError[] = []
  const thread = new CalledThread<TestCalls>({
    name: 'test',
    file: new URL('./answering-thread.js', import.meta.url),
    data: { greeting: 'hello' },
    startsWhenCalled,
    onFailure: (error) => failures.push(error),
  })
  return { thread, failures }
}

test('each call gets its own answer', async () => {
  const { thread, failures } = open()
  assert.deepEqual(await Promise.all([thread.call('greet', 'a'), thread.call('greet', 'b')]), ['hello a', 'hello b'])
  const moved = await thread.call('bytes', 5)
  assert.deepEqual([...moved], [5, 5, 5, 5, 5])
  await thread.close()
  assert.deepEqual(failures, [])
})

test('an error keeps its code, detail and advice; an unknown one is internal and reveals nothing to callers', async () => {
  const { thread } = open()
  await assert.rejects(thread.call('refuse', 'too busy'), {
    code: 'overloaded',
    detail: 'too busy',
    retryAfterSeconds: 3,
  })
  await assert.rejects(thread.call('fail', 'secret'), (error: AlikeError) => {
    assert.deepEqual([error.code, error.detail], ['internal', undefined])
    assert.match(String((error.cause as Error).message), /secret/)
    return true
  })
  assert.equal(await thread.call('greet', 'again'), 'hello again')
  await thread.close()
})

test('a thread that dies rejects pending calls, and every later one', async () => {
  const { thread, failures } = open()
  await assert.rejects(Promise.all([thread.call('wait', 10_000), thread.call('die', 'now')]), { code: 'internal' })
  await assert.rejects(thread.call('greet', 'x'), { code: 'internal', detail: 'The test thread has stopped.' })
  assert.equal(failures.length, 1)
  await thread.close()
})

test('a thread that dies while nothing is asked of it is reported, and refuses later calls', async () => {
  const { thread, failures } = open()
  await thread.call('dieLater', 'idle')
  await thread.ended
  assert.deepEqual([thread.alive, failures.length, failures[0]?.code], [false, 1, 'internal'])
  await assert.rejects(thread.call('greet', 'x'), { code: 'internal' })
})

test('a thread that dies while it is being closed rejects pending calls, and is closed', async () => {
  const { thread, failures } = open()
  const dying = assert.rejects(thread.call('die', 'now'), { code: 'internal' })
  await Promise.all([dying, thread.close()])
  assert.equal(failures.length, 1)
})

test('a thread that exits silently is detected as well', async () => {
  const { thread, failures } = open()
  await assert.rejects(thread.call('exit', 0), { code: 'internal' })
  assert.equal(failures.length, 1)
})

test('a thread that sends what cannot be read has failed, and ends when it is closed', {
  timeout: 10_000,
}, async () => {
  const { thread, failures } = open()
  await assert.rejects(thread.call('garble', 5_000), { code: 'internal', detail: 'The test thread has stopped.' })
  assert.equal(failures.length, 1)
  await thread.close()
  await thread.close()
})

test('closing lets calls in progress finish and refuses new ones', async () => {
  const { thread, failures } = open()
  const slow = thread.call('wait', 50)
  const closed = thread.close()
  await assert.rejects(thread.call('greet', 'late'), { code: 'shutting_down' })
  assert.equal(await slow, 50)
  await closed
  assert.deepEqual(failures, [])
})

test('a thread that starts when it is called lives only then, and can be closed before', async () => {
  const threads = () => process.getActiveResourcesInfo().filter((resource) => resource === 'MessagePort').length
  const before = threads()
  const { thread: never } = open({ startsWhenCalled: true })
  assert.equal(threads(), before)
  assert.equal(never.alive, true)
  await never.close()
  assert.equal(never.alive, false)
  await assert.rejects(never.call('greet', 'late'), { code: 'shutting_down' })
  const { thread, failures } = open({ startsWhenCalled: true })
  assert.deepEqual(await Promise.all([thread.call('greet', 'a'), thread.call('greet', 'b')]), ['hello a', 'hello b'])
  assert.ok(threads() > before)
  await thread.close()
  assert.deepEqual(failures, [])
})

test('a value that cannot be sent fails one call, in either direction', { timeout: 30_000 }, async () => {
  const { thread, failures } = open()
  const nested = (depth: number): object => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`) as object
  const lists = (depth: number): object => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as object
  for (const depth of [1_200, 2_300, 4_000, 100_000]) {
    const calls = [
      thread.call('greet', 'a'),
      thread.call('nest', depth),
      thread.call('bytes', 3),
      thread.call('depth', nested(depth)),
      thread.call('depth', { value: null, lists: lists(depth) }),
      thread.call('share', 'x'),
      thread.call('greet', 'b'),
    ]
    const settled = await Promise.allSettled(calls)
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled'],
      `${depth} deep`,
    )
    for (const one of settled) if (one.status === 'rejected') assert.equal((one.reason as AlikeError).code, 'internal')
  }
  assert.deepEqual(await thread.call('nest', 1_000), nested(1_000))
  for (const value of [nested(1_000), lists(1_000), [null, 1, { value: null }]])
    assert.equal(await thread.call('depth', value), 'read')
  await thread.close()
  assert.deepEqual(failures, [])
})
