import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AllowedHosts } from '../../src/remote/allowed-hosts.js'

test('a host is allowed on the default ports, or on the port that is listed with it', () => {
  for (const [list, allowed, refused] of [
    ['a.example', ['http://a.example/', 'https://A.example./', 'https://a.example:443/'], ['http://a.example:443/']],
    ['a.example:443', ['https://a.example/'], ['http://a.example/', 'https://a.example:8443/']],
    ['a.example:80', ['http://a.example/'], ['https://a.example/']],
    ['*.a.example:8443', ['https://b.a.example:8443/'], ['https://b.a.example/', 'https://a.example:8443/']],
    ['[2001:db8::80]', ['http://[2001:db8::80]/', 'https://[2001:DB8:0::80]/'], ['http://[2001:db8::80]:8080/']],
    ['[2001:db8::1]:8080', ['http://[2001:db8::1]:8080/'], ['http://[2001:db8::1]/']],
    ['192.0.2.0/24', ['http://192.0.2.1/', 'http://192.0.2.1:8080/'], ['http://192.0.3.1/']],
  ] as const) {
    const hosts = new AllowedHosts(list)
    for (const url of allowed) assert.ok(hosts.allows(new URL(url)), `${list} allows ${url}`)
    for (const url of refused) assert.ok(!hosts.allows(new URL(url)), `${list} does not allow ${url}`)
  }
})
