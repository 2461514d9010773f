/** Whether a process that starts looks for pictures that the server may have lost from its indexes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { NodeNote } from '../../../src/engines/weaviate/node-note.js'
import { openWeaviate, type WeaviateEngine } from '../../../src/engines/weaviate/weaviate-engine.js'
import { WeaviateServer } from '../../../src/engines/weaviate/weaviate-server.js'
import type { WeaviateSettings } from '../../../src/engines/weaviate/weaviate-settings.js'
import { losingProxy } from '../../support/losing-proxy.js'
import { until } from '../../support/until.js'
import { type RunningWeaviate, skipWithoutWeaviate, startWeaviate } from '../../support/weaviate-server.js'
import { RandomChanges } from './random-changes.js'
import { layout } from './weaviate-galleries.js'

const needsServer = { skip: skipWithoutWeaviate }
const repair = 'the indexes of all Weaviate nodes have these pictures'

class Watched {
  readonly #server: RunningWeaviate
  readonly #note: NodeNote
  readonly #stored = new RandomChanges({ uid: '00000000000000c0', perChange: 4, seed: 51 })
  #round = 0

  constructor(t: TestContext, server: RunningWeaviate) {
    this.#server = server
    const connection = new WeaviateServer(server.settings)
    this.#note = new NodeNote(connection, 1)
    t.after(() => connection.close())
  }

  async open(settings: Partial<WeaviateSettings> = {}): Promise<{ engine: WeaviateEngine; messages: string[] }> {
    const messages: string[] = []
    const logger = pino({ level: 'info' }, { write: (line) => void messages.push(JSON.parse(line).msg) })
    const engine = await openWeaviate({ server: { ...this.#server.settings, ...settings }, layout, logger })
    await engine.prepare(this.#stored.set, {}, this.#round > 0)
    return { engine, messages }
  }

  async change(engine: WeaviateEngine): Promise<void> {
    await (await engine.open(this.#stored.set)).change(this.#stored.stepsOf(this.#round++))
  }

  /** Until the process that watches the node knows of another. */
  async joined(): Promise<void> {
    const isJoined = async () => {
      const noted = await this.#note.read()
      return noted !== undefined && noted.until > 0 && !(await this.#note.isAlone(noted.holder))
    }
    await until(isJoined, 'the second process')
  }

  /** Until the process that watches the node vouches for it now. */
  async sound(): Promise<void> {
    const from = Date.now()
    const isSound = async () => {
      const noted = await this.#note.read()
      return noted !== undefined && Object.values(noted.soundUntil).some((at) => at > from)
    }
    await until(isSound, 'the node being sound', 60_000)
  }
}

/** With the first process, which has stored pictures. */
async function watchedServer(t: TestContext) {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const watched = new Watched(t, server)
  const first = await watched.open()
  await watched.change(first.engine)
  await watched.sound()
  return { server, watched, first }
}

test(
  'a process that starts looks for lost pictures only if the server has restarted, or the last process ended in a change',
  needsServer,
  async (t) => {
    const { server, watched, first } = await watchedServer(t)
    await first.engine.close()

    const second = await watched.open()
    await watched.sound()
    assert.deepEqual(
      second.messages.filter((message) => message === repair),
      [],
      'nothing has happened in between',
    )
    await second.engine.close()
    await server.kill()
    await server.start()

    const proxy = await losingProxy(t, server.settings.url, '/v1/batch')
    const third = await watched.open({ url: proxy.url, timeoutMs: 3_000 })
    await watched.sound()
    assert.ok(third.messages.includes(repair), 'the server was killed')
    proxy.lose(...Array(1_000).keys())
    await assert.rejects(watched.change(third.engine), { code: 'engine_unreachable' })
    proxy.lose()
    await watched.sound()
    await third.engine.close()

    const fourth = await watched.open()
    t.after(() => fourth.engine.close())
    await watched.sound()
    assert.ok(fourth.messages.includes(repair), 'a write had failed')
  },
)

test('what other processes wrote is not known to be whole', needsServer, async (t) => {
  const { watched, first } = await watchedServer(t)
  const other = await watched.open()
  await watched.joined()
  await other.engine.close() // as if it were killed: it leaves no note
  await first.engine.close()

  const second = await watched.open()
  await watched.sound()
  assert.ok(second.messages.includes(repair))
  await second.engine.close()

  const third = await watched.open()
  t.after(() => third.engine.close())
  await watched.sound()
  assert.ok(!third.messages.includes(repair), 'the second was alone')
})
