import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOfBase64 } from '../../src/image/base64.js'

test('base64 is decoded however it is wrapped', () => {
  for (const length of [0, 1, 2, 3, 255]) {
    const bytes = Buffer.from(Uint8Array.from({ length }, (_, n) => n))
    const encoded = bytes.toString('base64')
    const unpadded = encoded.replace(/=+$/, '')
    const forms = [encoded, unpadded, bytes.toString('base64url'), `data:image/png;base64,${encoded}`]
    const wrapped = [`${encoded}\n`, encoded.split('').join(' '), ` \t${encoded.replace(/.{3}/g, '$&\r\n')}`]
    for (const text of [...forms, ...wrapped]) assert.deepEqual(bytesOfBase64(text, 255), bytes, text)
  }
})

test('what is not base64 is refused, and so is more than the maximum, whatever white space surrounds it', () => {
  for (const text of [
    'A',
    'AAAAA',
    'AA=A',
    'AA A=A',
    'AAA!',
    'A A A !',
    'A A A Á',
    'A A A \u0141',
    'AAAA\v',
    'A===',
    'A A\0A',
    'é'.repeat(340),
    'A A A é'.repeat(100_000),
  ])
    assert.equal(bytesOfBase64(text, 255), undefined, text.slice(0, 20))
  const most = Buffer.alloc(300).toString('base64')
  assert.equal(bytesOfBase64(most.split('').join('\n'), 300)?.length, 300)
  assert.throws(() => bytesOfBase64(`${most}AAAA`.split('').join('\n'), 300), { code: 'image_too_large' })
})
