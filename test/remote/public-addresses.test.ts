import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback, isPublicAddress } from '../../src/remote/public-addresses.js'

test('special-purpose networks are not public from their first to their last address, and their neighbours are', () => {
  for (const [first, last, neighbours] of [
    ['0.0.0.0', '0.255.255.255', ['1.0.0.0']],
    ['10.0.0.0', '10.255.255.255', ['9.255.255.255', '11.0.0.0']],
    ['100.64.0.0', '100.127.255.255', ['100.63.255.255', '100.128.0.0']],
    ['127.0.0.0', '127.255.255.255', ['126.255.255.255', '128.0.0.0']],
    ['168.63.129.16', '168.63.129.16', ['168.63.129.15', '168.63.129.17']],
    ['169.254.0.0', '169.254.255.255', ['169.253.255.255', '169.255.0.0']],
    ['172.16.0.0', '172.31.255.255', ['172.15.255.255', '172.32.0.0']],
    ['192.0.0.0', '192.0.0.255', ['191.255.255.255', '192.0.1.0']],
    ['192.0.2.0', '192.0.2.255', ['192.0.1.255', '192.0.3.0']],
    ['192.88.99.0', '192.88.99.255', ['192.88.98.255', '192.88.100.0']],
    ['192.168.0.0', '192.168.255.255', ['192.167.255.255', '192.169.0.0']],
    ['198.18.0.0', '198.19.255.255', ['198.17.255.255', '198.20.0.0']],
    ['198.51.100.0', '198.51.100.255', ['198.51.99.255', '198.51.101.0']],
    ['203.0.113.0', '203.0.113.255', ['203.0.112.255', '203.0.114.0']],
    ['224.0.0.0', '255.255.255.255', ['223.255.255.255']],
    ['::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['2000::']],
    ['2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', ['2000:ffff::', '2001:200::']],
    ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', ['2001:db7:ffff::', '2001:db9::']],
    ['2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['2001:ffff::', '2003::']],
    ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', ['3ffe:ffff::', '3fff:1000::']],
    ['4000::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['3fff:ffff::']],
  ] as const) {
    for (const address of [first, last]) assert.ok(!isPublicAddress(address), `${address} is not public`)
    for (const address of neighbours) assert.ok(isPublicAddress(address), `${address} is public`)
  }
})

test('what is no address, has a zone, or maps an IPv4 address is not public', () => {
  for (const text of [
    '',
    'example.com',
    '8.8.8',
    '8.8.8.8/32',
    '[2003::1]',
    '2003::1%eth0',
    '::ffff:8.8.8.8',
    '::8.8.8.8',
  ])
    assert.ok(!isPublicAddress(text), text)
})

test('only addresses of this machine are loopback', () => {
  for (const address of ['127.0.0.1', '127.255.255.255', '::1']) assert.ok(isLoopback(address), address)
  for (const address of ['', '128.0.0.1', '12.127.0.1', '127.example.com', '127.0.0.1.example.com', '::2'])
    assert.ok(!isLoopback(address), address)
})
