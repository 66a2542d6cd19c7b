import { CertctlError, type HttpResponse, type Secret, z } from '@certctl/core'
import { maskSecrets } from '@certctl/kit'

const armFault = z.object({ code: z.string(), message: z.string() })
const faultSchema = z.union([
  z.object({ error: armFault }).transform(({ error }) => error),
  armFault,
  z
    .object({ error: z.string(), error_description: z.string().prefault('') })
    .transform(({ error, error_description }) => ({ code: error, message: error_description })),
])

/** What an operator does about the codes of Azure Resource Manager, of Entra ID (AADSTS…) and of the metadata service. */
const remedies: Readonly<Record<string, string>> = {
  AuthorizationFailed: 'give the application or identity the role DNS Zone Contributor on the zone',
  LinkedAuthorizationFailed: 'give the application or identity the role DNS Zone Contributor on the zone',
  InvalidAuthenticationToken: 'the token is not one for this cloud; compare cloud and endpoint',
  InvalidAuthenticationTokenTenant: 'tenant_id is not the tenant of the subscription',
  SubscriptionNotFound: 'compare subscription_id, and whether the application may see that subscription',
  ResourceGroupNotFound: 'compare resource_group',
  ParentResourceNotFound: 'there is no such zone in the resource group',
  ScopeLocked: 'a lock on the zone or its resource group forbids changes; remove it or choose another zone',
  AADSTS7000215: 'client_secret is wrong; its value is meant, not its identifier',
  AADSTS7000222: 'client_secret has ended; make a new one',
  AADSTS700016: 'client_id is not an application of the tenant',
  AADSTS90002: 'tenant_id is not a tenant of this cloud',
  AADSTS900023: 'tenant_id is not a tenant of this cloud',
  AADSTS70021: 'the application has no federated credential for this subject and issuer',
  AADSTS700024: 'the federated token has ended; is the file still renewed?',
  invalid_request: 'the machine has no such managed identity; assign it, or compare client_id',
}

export interface Said {
  code: string
  /** In parentheses, for a message; empty where the answer has no code. */
  sentence: string
}

/** The error in an answer, in Azure's words and with what to do. */
export function saidBy(response: HttpResponse, secrets: readonly Secret[]): Said {
  const parsed = faultSchema.safeParse(parsedOrNothing(response.text()))
  if (!parsed.success) return { code: '', sentence: '' }
  const { code, message } = parsed.data
  // Entra ID's own codes are at the beginning of its sentence.
  const remedy = remedies[/^AADSTS\d+/.exec(message)?.[0] ?? code]
  const words = maskSecrets(message, secrets)
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, 300)
  return { code, sentence: ` (${code}: ${words.trim()}${remedy === undefined ? '' : `; ${remedy}`})` }
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
