import type { FieldFault } from '@certctl/api'
import { errorCodes, isCertctlError, messageOf } from '@certctl/core'
import { mayBeDone } from '../connect/do-once.js'
import { cleanText } from './clean-text.js'
import { whereToLook } from './where-to-look.js'

export interface Failure {
  code: string
  message: string
  errors: readonly FieldFault[]
  retryAfterSeconds?: number | undefined
  requestId?: string | undefined
  /** Whether something was done, or may have been. */
  isOpen?: boolean | undefined
  exitCode: number
}

/** What went wrong, in the words and the exit code of the one table. */
export function failureOf(error: unknown): Failure {
  if (!isCertctlError(error)) return { ...codeOfStranger(error), message: messageOf(error), errors: [] }
  const { code, message, errors = [], retryAfterSeconds } = error
  const about = { requestId: requestIdOf(error), isOpen: mayBeDone(error) }
  return { code, message, errors, retryAfterSeconds, ...about, exitCode: errorCodes[code].cliExit }
}

/** A newer server may know codes that this program does not; whatever else comes here is our fault. */
function codeOfStranger(error: unknown): { code: string; exitCode: number } {
  const code = error instanceof Error && 'problem' in error && 'code' in error ? String(error.code) : 'internal'
  return { code, exitCode: 1 }
}

function requestIdOf(error: object): string | undefined {
  const problem = 'problem' in error && typeof error.problem === 'object' && error.problem !== null ? error.problem : {}
  return 'request_id' in problem && typeof problem.request_id === 'string' ? problem.request_id : undefined
}

/** For people: the sentence, each faulty field, and what to do next. */
export function failureText(failure: Failure, next: string | undefined): string {
  const { errors, message, retryAfterSeconds, requestId, code } = failure
  const isListed = errors.length > 0 && errors.every((fault) => message.includes(fault.message))
  // What was typed wrong reads best line by line; any other sentence says more than its parts.
  const isSplit = isListed && errors.length > 1 && (code === 'request_malformed' || code === 'config_invalid')
  const lines = [
    `error: ${cleanText(isSplit ? 'Several things are wrong' : message)}`,
    ...(isSplit || !isListed ? errors.map((fault) => `  ${cleanText(`${fault.field}: ${fault.message}`)}`) : []),
    ...(retryAfterSeconds === undefined ? [] : [`  try again in ${retryAfterSeconds}s`]),
    ...(code === 'internal' && requestId !== undefined ? [`  request id: ${cleanText(requestId)}`] : []),
    ...(next === undefined ? [] : [`next: ${next}`]),
  ]
  return lines.join('\n')
}

/** For scripts: one line of JSON. */
export function failureJson(
  { code, message, errors, retryAfterSeconds, requestId }: Failure,
  next: string | undefined,
): string {
  const error = {
    code,
    message,
    errors: errors.length > 0 ? errors : undefined,
    retry_after_seconds: retryAfterSeconds,
    request_id: requestId,
    next,
  }
  return JSON.stringify({ error })
}

/** What helps after a failure, by its code; `words` is the command that failed. A refusal that says itself what to type knows better. */
export function nextStep(
  { code, message, isOpen }: Pick<Failure, 'code' | 'message' | 'isOpen'>,
  words: readonly string[],
): string | undefined {
  const [noun = '', verb = ''] = words
  if (isOpen === true) return whereToLook(words)
  if (code === 'forbidden' && message.includes('certctl ')) return undefined
  if (code === 'config_invalid' && message.includes('was reached, and is not trusted'))
    return 'certctl config explain shows which server is asked, and what is trusted and why'
  if (code === 'unauthenticated') return 'certctl login'
  if (code === 'forbidden') return 'ask an administrator for a key that may: certctl api-keys create --role operator'
  if (code === 'upstream_unavailable') return 'certctl config explain shows which server is asked and why'
  if (code === 'config_invalid' || code === 'request_malformed') return ['certctl', ...words, '--help'].join(' ')
  const isAboutThis = !['', 'create', 'request', 'add-target'].includes(verb)
  if (code === 'not_found' && isAboutThis) return `certctl ${noun} list`
  return undefined
}
