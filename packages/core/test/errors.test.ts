import { describe, expect, it } from '@jest/globals'
import { CertctlError, type ErrorCode, errorCodes, isCertctlError, messageOf } from '../src/errors.js'

/** HTTP · again · ACME type · SCEP failInfo · CLI exit, written down a second time from the design. */
const expected = `
config_invalid         400 no  malformed          2 2
request_malformed      400 no  malformed          2 2
csr_malformed          400 no  badCSR             2 2
csr_rejected           400 no  badCSR             2 1
identifier_rejected    400 no  rejectedIdentifier 2 1
policy_denied          403 no  unauthorized       2 4
approval_required      202 yes -                  - 5
unauthenticated        401 no  unauthorized       2 4
forbidden              403 no  unauthorized       2 4
not_found              404 no  malformed          4 3
conflict               409 no  orderNotReady      2 1
already_revoked        409 no  alreadyRevoked     - 1
method_not_allowed     405 no  malformed          2 1
gone                   410 no  -                  - 3
precondition_failed    412 no  -                  - 1
too_large              413 no  malformed          2 2
media_type_unsupported 415 no  malformed          - 2
connection_failed      422 yes -                  - 5
rate_limited           429 yes rateLimited        2 5
unsupported            501 no  malformed          2 1
upstream_rejected      502 no  serverInternal     2 1
upstream_protocol      502 no  serverInternal     2 1
upstream_unavailable   503 yes serverInternal     2 5
issued_mismatch        502 no  serverInternal     2 1
deploy_failed          502 yes -                  - 5
deploy_torn            500 yes -                  - 1
aborted                503 yes serverInternal     - 5
internal               500 no  serverInternal     2 1
`

describe('the table of codes', () => {
  const rows = expected
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/))

  it.each(rows)('says of %s: HTTP %s, again %s, ACME %s, SCEP %s, exit %s', (code, ...columns) => {
    const { http, retry, acme, scepFailInfo, cliExit } = errorCodes[code as ErrorCode]
    expect([http, retry ? 'yes' : 'no', acme ?? '-', scepFailInfo ?? '-', cliExit].map(String)).toEqual(columns)
  })

  it('holds these codes and no other', () => {
    expect(Object.keys(errorCodes).sort()).toEqual(rows.map(([code]) => code).sort())
  })

  it('gives every code a title that is a sentence without its end', () => {
    for (const { title } of Object.values(errorCodes)) expect(title).toMatch(/^[A-Z][^.]+$/)
  })

  it('leaves out what a protocol has no word for', () => {
    expect(errorCodes.gone).toEqual({ http: 410, retry: false, title: 'Gone for good', cliExit: 3 })
  })
})

describe('the error', () => {
  it('carries code, message, cause and what to wait for', () => {
    const cause = new Error('refused')
    const error = new CertctlError('rate_limited', 'The CA wants a pause', { cause, retryAfterSeconds: 60 })
    expect(error).toMatchObject({ code: 'rate_limited', message: 'The CA wants a pause', retryAfterSeconds: 60, cause })
    expect(error.name).toBe('CertctlError')
    expect(error).toBeInstanceOf(Error)
  })

  it('has no cause where none was given', () => {
    expect('cause' in new CertctlError('internal', 'x')).toBe(false)
    expect(new CertctlError('internal', 'x').errors).toBeUndefined()
  })

  it('is recognised by its shape, so that one from another copy counts', () => {
    const foreign = Object.assign(new Error('x'), { code: 'policy_denied' })
    expect(isCertctlError(foreign)).toBe(true)
    expect(isCertctlError(new CertctlError('gone', 'x'))).toBe(true)
  })

  it('is not mistaken for an error of the platform, or for something inherited', () => {
    expect(isCertctlError(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe(false)
    expect(isCertctlError(Object.assign(new Error('x'), { code: 'toString' }))).toBe(false)
    expect(isCertctlError({ code: 'gone', message: 'x' })).toBe(false)
    expect(isCertctlError(undefined)).toBe(false)
  })

  it('gives its sentence, and text where something else was thrown', () => {
    expect(messageOf(new CertctlError('gone', 'The agent is retired'))).toBe('The agent is retired')
    expect(messageOf('plain')).toBe('plain')
    expect(messageOf(undefined)).toBe('undefined')
  })
})
