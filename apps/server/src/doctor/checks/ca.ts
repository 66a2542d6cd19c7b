import type { Looks } from '../looks.js'

/** Who is to issue, as records name it. */
export interface Ca {
  /** None where it does not say. */
  identities: readonly string[]
  /** URL of our account there, where it is known. */
  account?: string | undefined
}

export async function caOf(looks: Looks): Promise<Ca> {
  const [identities, tested] = await Promise.all([looks.identities(), looks.testIssuer()])
  return { identities, account: tested?.works === true ? tested.account : undefined }
}
