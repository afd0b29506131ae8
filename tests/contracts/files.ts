import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'

import fc from 'fast-check'

import type { Files } from '../../src/engines/files/contract.ts'
import { FILE_KEY_CHARS_MAX, isFileKey } from '../../src/engines/files/contract.ts'
import { AppError } from '../../src/kit/errors.ts'

const withCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code

async function contentOf(files: Files, key: string): Promise<Buffer | undefined> {
  const opened = await files.open(key)
  return opened && buffer(opened.stream)
}

async function* inChunks(content: Buffer, chunkBytes: number): AsyncGenerator<Buffer> {
  for (let from = 0; from < content.length; from += chunkBytes) yield content.subarray(from, from + chunkBytes)
}

/** What every engine of files promises. */
export function filesContract(engine: string, openFiles: () => Promise<Files>): void {
  test(`${engine}: what was put under a key is read again, whole`, async () => {
    await using files = await openFiles()
    const content = randomBytes(300_000)
    assert.equal(await files.put('media/one.png', content), content.length)
    assert.equal(await files.put('media/two.png', inChunks(content, 70_001)), content.length)
    assert.equal(await files.put('empty', new Uint8Array()), 0)
    assert.deepEqual(await contentOf(files, 'media/one.png'), content)
    assert.deepEqual(await contentOf(files, 'media/two.png'), content)
    assert.deepEqual(await contentOf(files, 'empty'), Buffer.alloc(0))
    assert.equal(await files.size('media/one.png'), content.length)
    assert.equal(await files.size('empty'), 0)
  })

  test(`${engine}: a missing file is undefined, and deleting it is no error`, async () => {
    await using files = await openFiles()
    assert.equal(await files.open('missing'), undefined)
    assert.equal(await files.size('missing'), undefined)
    await files.delete('missing')
  })

  test(`${engine}: a deleted file is gone, others stay`, async () => {
    await using files = await openFiles()
    await files.put('a/b', Buffer.from('one'))
    await files.put('a', Buffer.from('two'))
    await files.delete('a/b')
    assert.equal(await files.open('a/b'), undefined)
    assert.equal((await contentOf(files, 'a'))?.toString(), 'two')
  })

  test(`${engine}: a range gives those bytes and the whole size, and is cut to the end`, async () => {
    await using files = await openFiles()
    await files.put('digits', Buffer.from('0123456789'))
    const read = async (first: number, last: number): Promise<string> => {
      const opened = await files.open('digits', { first, last })
      assert.ok(opened)
      assert.equal(opened.size, 10)
      return (await buffer(opened.stream)).toString()
    }
    assert.equal(await read(0, 0), '0')
    assert.equal(await read(3, 5), '345')
    assert.equal(await read(9, 9), '9')
    assert.equal(await read(8, 1000), '89')
    for (const [first, last] of [
      [10, 12],
      [5, 4],
      [-1, 3],
      [0.5, 2],
      [NaN, 2],
    ] as const) {
      await assert.rejects(files.open('digits', { first, last }), withCode('invalid'), `${first}-${last}`)
    }
  })

  test(`${engine}: a put replaces the file whole, and who reads meanwhile has the old one or the new one`, async () => {
    await using files = await openFiles()
    const versions = Array.from({ length: 8 }, (_, version) => Buffer.alloc(200_000, version))
    await files.put('changing', versions[0] ?? Buffer.alloc(0))
    const reading = Promise.all(
      Array.from({ length: 30 }, async () => {
        const content = await contentOf(files, 'changing')
        assert.ok(content)
        assert.equal(content.length, 200_000)
        assert.ok(content.every((byte) => byte === content[0]))
      }),
    )
    await Promise.all(versions.map((version) => files.put('changing', inChunks(version, 10_000))))
    await reading
    assert.equal((await files.usage()).files, 1)
  })

  test(`${engine}: content that fails halfway leaves nothing, or what was there before`, async () => {
    await using files = await openFiles()
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.alloc(100_000)
      throw new Error('the client went away')
    }
    await assert.rejects(files.put('new', broken()), /went away/)
    assert.equal(await files.open('new'), undefined)
    await files.put('old', Buffer.from('old'))
    await assert.rejects(files.put('old', broken()), /went away/)
    assert.equal((await contentOf(files, 'old'))?.toString(), 'old')
    assert.deepEqual(await files.usage(), { files: 1, bytes: 3 })
  })

  test(`${engine}: content above the given size is refused and leaves nothing`, async () => {
    await using files = await openFiles()
    const content = Buffer.alloc(1000)
    assert.equal(await files.put('fits', inChunks(content, 100), { bytesMax: 1000 }), 1000)
    await assert.rejects(files.put('large', inChunks(content, 100), { bytesMax: 999 }), withCode('too_large'))
    await assert.rejects(files.put('large', content, { bytesMax: 999 }), withCode('too_large'))
    assert.equal(await files.open('large'), undefined)
    assert.deepEqual(await files.usage(), { files: 1, bytes: 1000 })
  })

  test(`${engine}: keys that are none are refused for writing and name nothing for reading`, async () => {
    await using files = await openFiles()
    const noKeys = [
      '',
      '/',
      '..',
      '../x',
      'a/../b',
      'a/..',
      '/etc/passwd',
      'a//b',
      'a/',
      '.hidden',
      'a/.b',
      'a\\b',
      'C:x',
    ]
    for (const key of [...noKeys, 'a\0b', 'a,b', 'a b', 'ä', '%2e%2e', 'x'.repeat(FILE_KEY_CHARS_MAX + 1)]) {
      assert.equal(isFileKey(key), false, key)
      await assert.rejects(files.put(key, Buffer.from('x')), withCode('invalid'), key)
      assert.equal(await files.open(key), undefined)
      assert.equal(await files.size(key), undefined)
      await files.delete(key)
    }
    assert.deepEqual(await files.usage(), { files: 0, bytes: 0 })
    await files.put('x'.repeat(FILE_KEY_CHARS_MAX), Buffer.from('x'))
  })

  test(`${engine}: any keys, in any order of puts and deletes, hold what was last put`, async () => {
    await using files = await openFiles()
    const key = fc.stringMatching(/^[A-Za-z0-9_-]{1,3}(\/[a-z0-9_-][a-z0-9_.-]{0,2}){0,2}$/)
    const steps = fc.array(fc.record({ key, content: fc.option(fc.uint8Array({ maxLength: 20 })) }), { maxLength: 20 })
    const expected = new Map<string, Uint8Array>()
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        for (const { key: name, content } of plan) {
          if (content === null) {
            expected.delete(name)
            await files.delete(name)
          } else {
            expected.set(name, content)
            await files.put(name, content)
          }
          assert.deepEqual(await contentOf(files, name), content === null ? undefined : Buffer.from(content))
        }
        const bytes = [...expected.values()].reduce((sum, { length }) => sum + length, 0)
        assert.deepEqual(await files.usage(), { files: expected.size, bytes })
      }),
      { numRuns: 20 },
    )
  })
}
