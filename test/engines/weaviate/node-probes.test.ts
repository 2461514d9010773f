import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { sightNodes } from '../../../src/engines/weaviate/node-probes.js'
import { WeaviateServer } from '../../../src/engines/weaviate/weaviate-server.js'
import { sharedWeaviate, skipWithoutWeaviate } from '../../support/weaviate-server.js'

/** Nodes at addresses of their own. @param counts how many nodes each of them counts; undefined: it is down */
async function serverOf(t: TestContext, counts: (number | undefined)[]): Promise<WeaviateServer> {
  const places = counts.map(async (count, n) => {
    const host = `127.0.0.${n + 1}`
    if (count === undefined) return { url: `http://${host}:9`, grpcAddress: '' }
    const nodes = Array.from({ length: count }, () => ({ status: 'HEALTHY' }))
    const server = createServer((_, answer) => answer.end(JSON.stringify({ nodes }))).listen(0, host)
    t.after(() => server.close())
    await once(server, 'listening')
    return { url: `http://${host}:${(server.address() as AddressInfo).port}`, grpcAddress: '' }
  })
  return { places: () => Promise.all(places), settings: { apiKey: '' } } as unknown as WeaviateServer
}

for (const [name, counts, expected] of [
  ['all count each other', [3, 3, 3], ['here', 'here', 'here']],
  ['a node that was cut off counts only itself, although it responds again', [2, 1, 2], ['here', 'away', 'here']],
  ['of two nodes one still counts the third, which is down', [2, 3, undefined], ['here', 'here', 'away']],
] as const)
  test(`nodes are sighted: ${name}`, async (t) => {
    const { seen } = await sightNodes(await serverOf(t, [...counts]))
    assert.deepEqual([...seen.values()], expected)
  })

test('a key that may not ask for the term says nothing about the server', { skip: skipWithoutWeaviate }, async (t) => {
  const { settings } = await sharedWeaviate()
  const proxy = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming
    if (url.startsWith('/v1/cluster/')) return void outgoing.writeHead(403).end('{"error":"forbidden"}')
    incoming.pipe(
      request(new URL(url, settings.url), { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(outgoing)
      }),
    )
  }).listen(0, '127.0.0.1')
  t.after(() => proxy.close())
  await once(proxy, 'listening')
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const [whole, refused] = [settings, { ...settings, url }].map((one) => new WeaviateServer(one))
  t.after(() => Promise.all([whole!.close(), refused!.close()]))
  assert.ok((await sightNodes(whole!)).term! > 0)
  const { seen, term } = await sightNodes(refused!)
  assert.deepEqual([[...seen.values()], term], [['here'], undefined])
  // its connection, which a repair also uses, would have been closed
  assert.equal(refused!.unreachable, undefined)
})
