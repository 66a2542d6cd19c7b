import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { jsonSchemaOf } from '../src/define.js'
import {
  commandLine,
  duration,
  fileFields,
  fileMode,
  filePath,
  hostname,
  markKey,
  port,
  readPath,
  scriptPath,
  secret,
  url,
} from '../src/fields.js'
import { faultsOf } from '../src/parse-config.js'
import { Secret } from '../src/secret.js'

const messageOf = (schema: z.ZodType, value: unknown): string => {
  const parsed = schema.safeParse(value)
  return parsed.success
    ? '(accepted)'
    : faultsOf(parsed.error)
        .map(({ message }) => message)
        .join()
}

describe('secret()', () => {
  it('parses text into a Secret and keeps one that is already there', () => {
    const kept = new Secret('b')
    expect(secret().parse('a').reveal()).toBe('a')
    expect(secret().parse(kept)).toBe(kept)
  })

  it.each(['', 'x'.repeat(65_537), 5, null, {}, ['a']])(
    'refuses what is no credential, without quoting it',
    (value) => {
      expect(messageOf(secret(), value)).not.toBe('(accepted)')
      expect(messageOf(secret(), value)).not.toContain('xxx')
    },
  )
})

describe('commandLine()', () => {
  it('parses text or a list into an argument vector', () => {
    expect(commandLine().parse('nginx -t')).toEqual(['nginx', '-t'])
    expect(commandLine().parse(['nginx', '-c', '/a b/$x'])).toEqual(['nginx', '-c', '/a b/$x'])
  })

  it('takes a default as an operator would write it', () => {
    expect(commandLine().prefault('ctl reload').parse(undefined)).toEqual(['ctl', 'reload'])
  })

  it('refuses shell syntax in text, an empty list and NUL', () => {
    expect(messageOf(commandLine(), 'a && b')).toContain('only a shell understands')
    expect(messageOf(commandLine(), [])).toContain('must name a program')
    expect(messageOf(commandLine(), ['a', 'b\0'])).toContain('NUL')
  })
})

describe('filePath() and readPath()', () => {
  it.each(['/etc/certs/a.pem', 'C:\\certs\\a.pem', 'D:/certs/a.pem', '/a/..b/c'])('accept %s', (path) => {
    expect(filePath().parse(path)).toBe(path)
    expect(readPath().parse(path)).toBe(path)
  })

  it.each([
    ['certs/a.pem', 'absolute'],
    ['', 'absolute'],
    ['/etc/../shadow', '".."'],
    ['C:\\certs\\..\\a', '".."'],
    ['/etc/a\nb', 'control'],
    ['/etc/a\0', 'control'],
    [`/${'x'.repeat(1024)}`, '1,024'],
  ])('refuse %j', (path, reason) => {
    expect(messageOf(filePath(), path)).toContain(reason)
    expect(messageOf(readPath(), path)).toContain(reason)
  })

  it('tell a file from a directory', () => {
    expect(messageOf(filePath(), '/etc/certs/')).toContain('not a directory')
    expect(readPath().parse('/etc/certs/')).toBe('/etc/certs/')
  })
})

describe('duration()', () => {
  it('parses text and seconds into seconds', () => {
    expect([duration().parse('5m'), duration().parse(7)]).toEqual([300, 7])
  })

  it('refuses something else and says what to write', () => {
    expect(messageOf(duration(), '5 minutes')).toContain('write 500ms, 30s, 5m, 6h or 7d')
    expect(messageOf(duration(), '5 minutes')).not.toContain('5 minutes')
    expect(messageOf(duration(), -1)).not.toBe('(accepted)')
  })
})

describe('hostname() and port()', () => {
  it.each([
    ['WWW.Example.org', 'www.example.org'],
    ['10.0.0.1', '10.0.0.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['localhost', 'localhost'],
    ['_sip.example.org', '_sip.example.org'],
  ])('accept %s', (text, value) => {
    expect(hostname().parse(text)).toBe(value)
  })

  it.each([
    '',
    'a b',
    'a..b',
    '-a.org',
    'a-.org',
    'a.org:443',
    'http://a.org',
    'a.org/',
    'x'.repeat(64),
    `${'a.'.repeat(127)}b`,
  ])('refuse %j', (text) => {
    expect(hostname().safeParse(text).success).toBe(false)
  })

  it('keep ports between 1 and 65535', () => {
    expect([1, 443, 65_535].map((value) => port().parse(value))).toEqual([1, 443, 65_535])
    expect([0, 65_536, 1.5, '443'].map((value) => port().safeParse(value).success)).toEqual(Array(4).fill(false))
  })
})

describe('url()', () => {
  it('accepts http and https without credentials', () => {
    expect(url().parse('https://vault.example.org:8200/v1')).toBe('https://vault.example.org:8200/v1')
    expect(url().safeParse('http://[::1]/').success).toBe(true)
  })

  it.each(['ftp://a.org', 'https://user:word@a.org', 'https://user@a.org', 'a.org', 'javascript:alert(1)', ''])(
    'refuses %s',
    (text) => {
      expect(url().safeParse(text).success).toBe(false)
    },
  )

  it('does not repeat credentials in its complaint', () => {
    expect(messageOf(url(), 'https://user:canary@a.org')).not.toContain('canary')
  })
})

describe('fileMode() and fileFields()', () => {
  it.each([
    ['0640', 0o640],
    ['600', 0o600],
    [0o644, 0o644],
  ])('parse %s', (text, mode) => {
    expect(fileMode().parse(text)).toBe(mode)
  })

  it.each(['0642', 0o666, '4755', '0o600', 'rw-r--r--', '999', -1, 0o1777])('refuse %s', (value) => {
    expect(fileMode().safeParse(value).success).toBe(false)
  })

  it('leave keys to their owner where nothing is said', () => {
    expect(z.strictObject(fileFields()).parse({})).toEqual({ key_mode: 0o600 })
  })

  it.each(['root', 'www-data', '33', '_nginx', 'svc.web'])('accept the account %s', (owner) => {
    expect(z.strictObject(fileFields()).parse({ owner }).owner).toBe(owner)
  })

  it.each(['', 'a b', '-root', 'root:root', '$(id)', 'x'.repeat(33)])('refuse the account %j', (group) => {
    expect(z.strictObject(fileFields()).safeParse({ group }).success).toBe(false)
  })
})

describe('marks', () => {
  it.each([
    ['secret', secret()],
    ['command', commandLine()],
    ['file', filePath()],
    ['directory', readPath()],
    ['duration', duration()],
  ])('say %s in the JSON Schema, also when optional, with a default and described', (mark, schema) => {
    const fields = {
      plain: schema,
      described: schema.describe('d'),
      optional: schema.optional().describe('d'),
      listed: z.array(schema).describe('d'),
    }
    const properties = jsonSchemaOf(z.strictObject(fields)).properties ?? {}
    expect(properties.plain?.[markKey]).toBe(mark)
    expect(properties.described).toMatchObject({ [markKey]: mark, description: 'd' })
    expect(properties.optional).toMatchObject({ [markKey]: mark, description: 'd' })
    expect(properties.listed).toMatchObject({ description: 'd', items: { [markKey]: mark } })
  })
})

describe('scriptPath()', () => {
  it('takes an absolute path and is marked, so that a server can confine it', () => {
    expect(scriptPath().parse('/etc/certctl/scripts/sign')).toBe('/etc/certctl/scripts/sign')
    expect(jsonSchemaOf(z.object({ script: scriptPath() })).properties?.script?.[markKey]).toBe('script')
    expect(jsonSchemaOf(z.object({ script: scriptPath().optional() })).properties?.script?.[markKey]).toBe('script')
  })

  it.each(['sign', './sign', '../sign', '/etc/../tmp/sign', '/etc/sign\nrm', '/etc/sign\0', '', 5])(
    'refuses %j',
    (path) => {
      expect(messageOf(scriptPath(), path)).not.toBe('(accepted)')
    },
  )
})
