import { CertctlError, type HttpResponse, z } from '@certctl/core'
import { expectStatus } from '@certctl/kit'

const faultSchema = z.union([
  z
    .object({
      error: z.object({
        message: z.string(),
        errors: z.array(z.object({ reason: z.string().prefault('') })).prefault([]),
        details: z.array(z.object({ reason: z.string().optional() })).prefault([]),
      }),
    })
    .transform(({ error: { message, errors, details } }) => ({
      message,
      reasons: [...errors, ...details].flatMap(({ reason }) => (reason === undefined ? [] : [reason])),
    })),
  z
    .object({ error: z.string(), error_description: z.string().prefault('') })
    .transform(({ error, error_description }) => ({ message: error_description, reasons: [error] })),
])

/** What an operator does about the reasons that Google gives. */
const remedies: Readonly<Record<string, string>> = {
  forbidden: 'give the service account the role DNS Administrator on the zone or the project',
  accessNotConfigured: 'enable the Cloud DNS API in the project',
  SERVICE_DISABLED: 'enable the Cloud DNS API in the project',
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: 'give the machine the access scope ndev.clouddns.readwrite or cloud-platform',
  insufficientPermissions: 'give the machine the access scope ndev.clouddns.readwrite or cloud-platform',
  invalid_grant: 'the key was deleted, is of another account, or the clock of this machine is wrong',
  unauthorized_client: 'the service account may not ask for this scope',
}

/** Google says "too many" in several ways, some of them with status 403. */
const tooMany = ['rateLimitExceeded', 'userRateLimitExceeded', 'quotaExceeded', 'RATE_LIMIT_EXCEEDED']

/** Gives an answer of status 200 back; else throws with Google's words and what to do. */
export function expectFine(response: HttpResponse, what: string): HttpResponse {
  const parsed = faultSchema.safeParse(parsedOrNothing(response.text()))
  if (!parsed.success) return expectStatus(response, [200], what)
  const { message, reasons } = parsed.data
  const remedy = reasons.map((reason) => remedies[reason]).find((known) => known !== undefined)
  const words = message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 300)
  const said = `${what} (${[reasons[0], words].filter((part) => part !== undefined && part !== '').join(': ')}${remedy === undefined ? '' : `; ${remedy}`})`
  if (response.status === 403 && reasons.some((reason) => tooMany.includes(reason)))
    throw new CertctlError('rate_limited', said, { retryAfterSeconds: response.retryAfterSeconds })
  return expectStatus(response, [200], said)
}

function parsedOrNothing(text: string): unknown {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Reads what should be of this shape; throws `upstream_protocol`. */
export function shaped<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new CertctlError('upstream_protocol', `${what}: the answer has another shape than the API's`)
}
