import { CertctlError, messageOf } from '@certctl/core'

/** Class 08 and these: the server, or the way to it, went away. */
const connectionStates = new Set(['57P01', '57P02', '57P03', '25P03', '53300'])
const connectionFaults = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
])
/** What `pg` says in words only. */
const connectionWords =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable/
/** Statement and lock time limits. */
const busyStates = new Set(['57014', '55P03'])

/** What goes out of the driver: lost connections and time limits in our words, everything else as PostgreSQL said it. */
export function databaseErrorOf(error: unknown, doing: string): unknown {
  const state = sqlStateOf(error) ?? ''
  if (busyStates.has(state))
    return new CertctlError(
      'upstream_unavailable',
      'The database took too long to answer; it is busy, or somebody holds a lock',
      {
        cause: error,
        retryAfterSeconds: 1,
      },
    )
  if (!isLost(error, state)) return error
  const isOpen = doing === 'commit'
  const unknown = isOpen ? '; whether the change was kept is not known' : ''
  const lost = new CertctlError(
    'upstream_unavailable',
    `The connection to the database was lost${unknown}: ${messageOf(error)}`,
    {
      cause: error,
      retryAfterSeconds: 1,
    },
  )
  if (isOpen) open.add(lost)
  return lost
}

const open = new WeakSet<Error>()

/** A commit was on its way when the connection was lost: it may have been done. */
export function mayBeDone(error: unknown): boolean {
  return error instanceof Error && open.has(error)
}

function isLost(error: unknown, state: string): boolean {
  return (
    connectionStates.has(state) ||
    connectionFaults.has(state) ||
    /^08/.test(state) ||
    connectionWords.test(messageOf(error))
  )
}

/** Somebody else's transaction was in the way (serialization failure, deadlock): the same one may pass now. */
export function isWorthAnotherTry(error: unknown): boolean {
  return ['40001', '40P01'].includes(sqlStateOf(error) ?? '')
}

/** The statement was given up because it took longer than it may; also when `databaseErrorOf` has put it into our words. */
export function isStatementTimeout(error: unknown): boolean {
  return sqlStateBehind(error) === '57014'
}

/** The statement was given up because somebody held a lock for longer than it may wait; likewise in our words. */
export function isLockTimeout(error: unknown): boolean {
  return sqlStateBehind(error) === '55P03'
}

function sqlStateBehind(error: unknown): string | undefined {
  return sqlStateOf(error instanceof Error && error.cause !== undefined ? error.cause : error)
}

/** The unique constraint or index that refused a row; `undefined` when it was something else. */
export function violatedUnique(error: unknown): string | undefined {
  return sqlStateOf(error) === '23505' ? constraintOf(error) : undefined
}

/** The foreign key that refused a row; `undefined` when it was something else. */
export function violatedReference(error: unknown): string | undefined {
  return sqlStateOf(error) === '23503' ? constraintOf(error) : undefined
}

function sqlStateOf(error: unknown): string | undefined {
  return isObject(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function constraintOf(error: unknown): string {
  return isObject(error) && 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : ''
}

/** By shape: errors of Node itself come from another realm where code runs in one of its own. */
function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
