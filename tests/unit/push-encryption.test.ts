/** The RFCs' own examples, byte for byte, and the package that everybody uses as a second opinion. */
import assert from 'node:assert/strict'
import { createECDH, createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'

import { encryptLegacy, encryptStandard, isPublicKey, MESSAGE_BYTES_MAX } from '../../src/mobile-push/encryption.ts'
import { Vapid } from '../../src/mobile-push/vapid.ts'
import { newReceiver } from '../world/push-service.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')

test('RFC 8291, section 5 and appendix A: aes128gcm', () => {
  const receiver = {
    publicKey: bytes('BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'),
    auth: bytes('BTBZMqHH6r4Tts7J_aSIgg'),
  }
  const ephemeral = {
    salt: bytes('DGv6ra1nlYgDCS1FRnbzlw'),
    privateKey: bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'),
  }
  const { body, headers } = encryptStandard(
    Buffer.from('When I grow up, I want to be a watermelon'),
    receiver,
    ephemeral,
  )
  assert.equal(
    body.toString('base64url'),
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl' +
      '7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  )
  assert.deepEqual(headers, { 'content-encoding': 'aes128gcm' })
})

test('draft-ietf-webpush-encryption-04, section 5: aesgcm', () => {
  const receiver = {
    publicKey: bytes('BCEkBjzL8Z3C-oi2Q7oE5t2Np-p7osjGLg93qUP0wvqRT21EEWyf0cQDQcakQMqz4hQKYOQ3il2nNZct4HgAUQU'),
    auth: bytes('R29vIGdvbyBnJyBqb29iIQ'),
  }
  const ephemeral = {
    salt: bytes('lngarbyKfMoi9Z75xYXmkg'),
    privateKey: bytes('nCScek-QpEjmOOlT-rQ38nZzvdPlqa00Zy0i6m2OJvY'),
  }
  const { body, headers } = encryptLegacy(Buffer.from('I am the walrus'), receiver, ephemeral)
  assert.equal(body.toString('base64url'), '6nqAQUME8hNqw5J3kl8cpVVJylXKYqZOeseZG8UueKpA')
  assert.deepEqual(headers, {
    'content-encoding': 'aesgcm',
    encryption: 'salt=lngarbyKfMoi9Z75xYXmkg',
    'crypto-key': 'dh=BNoRDbb84JGm8g5Z5CFxurSqsXWJ11ItfXEWYVLE85Y7CYkDjXsIEc4aqxYaQ1G8BqkXCJ6DPpDrWtdWj_mugHU',
  })
})

test('whoever holds the keys reads the message, in both encodings, up to the longest', () => {
  for (const text of ['', 'ü', 'x'.repeat(MESSAGE_BYTES_MAX)]) {
    const receiver = newReceiver()
    const message = Buffer.from(text)
    for (const encrypt of [encryptStandard, encryptLegacy]) {
      const { body, headers } = encrypt(message, receiver)
      assert.ok(body.length <= 4_096, `${body.length}`)
      assert.equal(receiver.decrypt(body, headers).toString(), text)
    }
  }
})

test('a message is never the same twice', () => {
  const receiver = newReceiver()
  const once = () => encryptStandard(Buffer.from('x'), receiver).body.toString('hex')
  assert.equal(new Set(Array.from({ length: 20 }, once)).size, 20)
})

test('a key is a point of the curve, whole and uncompressed', () => {
  const { publicKey } = newReceiver()
  assert.ok(isPublicKey(publicKey))
  const off = Buffer.from(publicKey)
  off[64] = (off[64] ?? 0) ^ 1
  const compressed = Buffer.concat([Buffer.of(2), publicKey.subarray(1, 33)])
  for (const bad of [off, compressed, publicKey.subarray(1), Buffer.alloc(65), Buffer.alloc(65, 4), Buffer.alloc(0)]) {
    assert.equal(isPublicKey(bad), false, bad.toString('hex'))
  }
})

test('who sends is signed for one service and for less than a day, and signed again before that ends', () => {
  const pair = createECDH('prime256v1')
  const keys = { publicKey: pair.generateKeys('base64url'), privateKey: pair.getPrivateKey('base64url') }
  let nowMs = Date.UTC(2026, 0, 1)
  const clock = { nowMs: () => nowMs, sleep: async () => {} }
  const vapid = new Vapid({ keys, subject: 'mailto:owner@example.org', clock })
  const tokenOf = (url: string) => {
    const { authorization = '' } = vapid.headers(new URL(url), true)
    const [, token = '', key] = /^vapid t=(\S+), k=(\S+)$/.exec(authorization) ?? []
    assert.equal(key, keys.publicKey)
    return token
  }
  const first = tokenOf('https://push.example/one?x=1')
  const [head = '', claims = '', signature = ''] = first.split('.')
  assert.deepEqual(JSON.parse(bytes(head).toString()), { typ: 'JWT', alg: 'ES256' })
  assert.deepEqual(JSON.parse(bytes(claims).toString()), {
    aud: 'https://push.example',
    exp: (nowMs + 12 * 3_600_000) / 1_000,
    sub: 'mailto:owner@example.org',
  })
  const point = bytes(keys.publicKey)
  const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')]
  const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key, dsaEncoding: 'ieee-p1363' },
    bytes(signature),
  )
  assert.ok(isSigned)
  assert.equal(tokenOf('https://push.example/two'), first)
  assert.notEqual(tokenOf('https://other.example/'), first)
  nowMs += 11.5 * 3_600_000
  assert.notEqual(tokenOf('https://push.example/three'), first)
  nowMs -= 48 * 3_600_000
  const early = JSON.parse(bytes(tokenOf('https://push.example/four').split('.')[1] ?? '').toString())
  assert.ok(early.exp * 1_000 <= nowMs + 24 * 3_600_000, 'the clock was set back')
  const legacy = vapid.headers(new URL('https://push.example/'), false, 'dh=abc')
  assert.match(legacy['authorization'] ?? '', /^WebPush [\w-]+\.[\w-]+\.[\w-]+$/)
  assert.equal(legacy['crypto-key'], `dh=abc;p256ecdsa=${keys.publicKey}`)
})
