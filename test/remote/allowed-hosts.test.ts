import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AllowedHosts, expectAllowed } from '../../src/remote/allowed-hosts.js'

test('a host is allowed on the default ports, or on the port that is listed with it', () => {
  for (const [list, allowed, refused] of [
    ['a.example', ['http://a.example/', 'https://A.example./', 'https://a.example:443/'], ['http://a.example:443/']],
    ['a.example:443', ['https://a.example/'], ['http://a.example/', 'https://a.example:8443/']],
    ['a.example:80', ['http://a.example/'], ['https://a.example/']],
    ['a.example.', ['http://a.example/', 'http://a.example./'], ['http://b.a.example/']],
    ['*.a.example:8443', ['https://b.a.example:8443/'], ['https://b.a.example/', 'https://a.example:8443/']],
    ['[2001:db8::80]', ['http://[2001:db8::80]/', 'https://[2001:DB8:0::80]/'], ['http://[2001:db8::80]:8080/']],
    ['[2001:db8::1]:8080', ['http://[2001:db8::1]:8080/'], ['http://[2001:db8::1]/']],
    ['192.0.2.0/24', ['http://192.0.2.1/', 'http://192.0.2.1:8080/'], ['http://192.0.3.1/']],
    ['fd00::/8', ['http://[fd00::1]/', 'https://[FDFF::1]:8443/'], ['http://[fc00::1]/', 'http://fd00.example/']],
  ] as const) {
    const hosts = new AllowedHosts(list)
    for (const url of allowed) assert.ok(hosts.allows(new URL(url)), `${list} allows ${url}`)
    for (const url of refused) assert.ok(!hosts.allows(new URL(url)), `${list} does not allow ${url}`)
  }
})

test('a listed host is reached at public addresses and in listed networks', () => {
  const hosts = new AllowedHosts('a.example, 192.168.1.0/24, fd00::/8')
  for (const address of ['8.8.8.8', '2a00::1', '192.168.1.255', 'fd00::1']) assert.ok(hosts.reaches(address), address)
  for (const address of ['192.168.2.0', 'fc00::1', '127.0.0.1', '::1', 'a.example', ''])
    assert.ok(!hosts.reaches(address), address)
})

test('an address is allowed over http and https only, without a user or a password', () => {
  const hosts = new AllowedHosts('a.example')
  for (const address of ['http://a.example/b.jpg', 'https://a.example/b.jpg'])
    assert.equal(expectAllowed(address, undefined, hosts).href, address)
  for (const address of ['ftp://a.example/', 'ws://a.example/', 'http://me@a.example/', 'http://:secret@a.example/'])
    assert.throws(() => expectAllowed(address, undefined, hosts), { code: 'url_not_allowed' }, address)
  const base = new URL('https://a.example/2024/a.jpg')
  assert.equal(expectAllowed('../b.jpg', base, hosts).href, 'https://a.example/b.jpg')
  for (const location of ['//b.example/a.jpg', '//me@a.example/a.jpg', 'file:///a.jpg'])
    assert.throws(() => expectAllowed(location, base, hosts), { code: 'url_not_allowed' }, location)
})
