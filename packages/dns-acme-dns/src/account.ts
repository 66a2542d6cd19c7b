import { Secret, z } from '@certctl/core'

/** A registration as acme-dns gives it out and as its clients keep it. */
export const registrationSchema = z.object({
  username: z.string().min(1),
  password: z.string().min(1),
  fulldomain: z.string().min(1),
  subdomain: z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/),
})

export type Registration = z.output<typeof registrationSchema>

export interface Account {
  /** The domain whose challenges lead here. */
  domain: string
  username: string
  password: Secret
  /** The name that holds the values, in lower case, without final dot. */
  fulldomain: string
  subdomain: string
}

export function accountOf(domain: string, { password, fulldomain, ...rest }: Registration): Account {
  const absolute = fulldomain.toLowerCase().replace(/\.$/, '')
  return { ...rest, domain: domain.toLowerCase(), password: new Secret(password), fulldomain: absolute }
}

/** The accounts an operator gave; `undefined` where the text is not JSON of that shape. */
export function givenAccounts(text: Secret): Account[] | undefined {
  try {
    const parsed = z.record(z.string(), registrationSchema).safeParse(JSON.parse(text.reveal()))
    return parsed.success ? Object.entries(parsed.data).map(([domain, given]) => accountOf(domain, given)) : undefined
  } catch {
    return undefined
  }
}
