import { type HttpResponse, type Secret, z } from '@certctl/core'
import { maskSecrets } from '@certctl/kit'

const faultsSchema = z.object({ errors: z.array(z.object({ code: z.int(), message: z.string() })) })

/** What an operator does about Cloudflare's error codes. */
const remedies: Readonly<Record<number, string>> = {
  1038: 'Cloudflare does not let its API change zones under this top-level domain',
  6003: 'the token is not a token: compare it with the one that was shown when it was made',
  7003: 'there is no such zone: compare zone_id with the overview of the zone',
  9106: 'the token is not a token: compare it with the one that was shown when it was made',
  9109: 'the token is wrong, has ended, or may not be used from this address',
  10000: 'the token is wrong, or lacks Zone:Read or DNS:Edit on this zone',
  81053: 'a CNAME, A or AAAA record of that name is in the way',
  81054: 'a CNAME record of that name is in the way: have the name that it leads to used instead',
}

/** The errors in an answer: their codes, and a sentence in parentheses for a message, with Cloudflare's words and what to do. */
export function saidBy(response: HttpResponse, token: Secret): { codes: number[]; sentence: string } {
  const parsed = faultsSchema.safeParse(bodyOf(response))
  const faults = parsed.success ? parsed.data.errors : []
  const said = faults.map(({ code, message }) => {
    const remedy = remedies[code]
    return `${code} ${plain(message, token)}${remedy === undefined ? '' : `: ${remedy}`}`
  })
  return { codes: faults.map(({ code }) => code), sentence: said.length === 0 ? '' : ` (${said.join('; ')})` }
}

function bodyOf(response: HttpResponse): unknown {
  const text = response.text().trimStart()
  // A page in HTML is no answer of the API; its status says enough.
  return text.startsWith('{') ? parsedOrNothing(text) : undefined
}

function parsedOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function plain(message: string, token: Secret): string {
  return maskSecrets(message, [token])
    .replace(/[^\x20-\x7e]/g, ' ')
    .slice(0, 200)
}
