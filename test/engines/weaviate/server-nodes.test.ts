/** The choice among the machines behind a name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServerNodes } from '../../../src/engines/weaviate/server-nodes.js'

const named =
  (...addresses: string[]) =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))

test('a name with several addresses means as many nodes, used in turn', async () => {
  const settings = { url: 'http://weaviate:8080/v', grpcAddress: 'weaviate:50051' }
  const nodes = new ServerNodes(settings, named('10.0.0.2', '10.0.0.1', 'fd00::3'))
  const seen: string[] = []
  for (let tries = 0; tries < 4; tries++) {
    const { rest, grpcHost, grpcPort } = await nodes.next()
    assert.equal(rest.hostname, grpcHost, 'reads and writes go to one node')
    assert.deepEqual([rest.port, rest.pathname, grpcPort], ['8080', '/v', 50_051])
    seen.push(grpcHost)
  }
  assert.deepEqual([...new Set(seen.slice(0, 3))].sort(), ['10.0.0.1', '10.0.0.2', '[fd00::3]'])
  assert.equal(seen[3], seen[0])
  assert.equal(nodes.count, 3)
})

test('a node removed from the name is skipped', async () => {
  let addresses = ['10.0.0.1', '10.0.0.2']
  const nodes = new ServerNodes({ url: 'http://weaviate', grpcAddress: 'weaviate:50051' }, () => named(...addresses)())
  await nodes.next()
  addresses = ['10.0.0.8', '10.0.0.9']
  assert.ok(addresses.includes((await nodes.next()).rest.hostname))
})

test('a node that may lack what others have is left, and used only if no other answers', async () => {
  const settings = { url: 'http://weaviate', grpcAddress: 'weaviate:50051' }
  const nodes = new ServerNodes(settings, named('10.0.0.1', '10.0.0.2', '10.0.0.3'))
  const { rest } = await nodes.next()
  assert.ok(!nodes.isOutdated)
  nodes.avoided = new Set([rest.hostname])
  assert.ok(nodes.isOutdated)
  const others = [(await nodes.next()).rest.hostname, (await nodes.next()).rest.hostname]
  assert.ok(new Set([...others, rest.hostname]).size === 3)
  assert.ok(!nodes.isOutdated)
  nodes.answered()
  assert.equal((await nodes.next()).rest.hostname, others[0], 'the one that is avoided comes last')
  assert.equal((await nodes.next()).rest.hostname, rest.hostname, 'none of the others has answered')
  nodes.avoided = new Set(['10.0.0.1', '10.0.0.2', '10.0.0.3'])
  assert.ok(!nodes.isOutdated, 'there is no better one')
})

test('a load balancer, a name under TLS and a separate name for gRPC stay as they are', async () => {
  for (const [url, grpcAddress, addresses, hosts] of [
    ['http://weaviate:8080', 'weaviate:50051', ['10.0.0.1'], ['weaviate', 'weaviate', 50_051]],
    ['https://weaviate', 'weaviate:50051', ['10.0.0.1', '10.0.0.2'], ['weaviate', 'weaviate', 50_051]],
    ['http://rest:8080', 'grpc:50051', ['10.0.0.1', '10.0.0.1'], ['10.0.0.1', 'grpc', 50_051]],
    ['https://weaviate', 'weaviate', ['10.0.0.1'], ['weaviate', 'weaviate', 443]],
  ] as const) {
    const { rest, grpcHost, grpcPort } = await new ServerNodes({ url, grpcAddress }, named(...addresses)).next()
    assert.deepEqual([rest.hostname, grpcHost, grpcPort], hosts)
  }
})
