import { isCertctlError, type TlsMaterial } from '@certctl/core'
import { openConnection } from '@certctl/kit'
import { parseCertificate } from '@certctl/pki'

/** What a server showed of itself, before anybody trusts it. */
export interface ServerChain {
  /** Whether this machine's own trust anchors vouch for it. */
  trusted: boolean
  /** The CA it sends with its certificate; `undefined` where it sends none. */
  ca: { spkiSha256: string; subject: string } | undefined
}

/** Shakes hands, sends nothing, and says who answered. Rejects `upstream_unavailable` when nobody does. */
export async function readServerChain(url: string, signal: AbortSignal): Promise<ServerChain> {
  const trusted = await chainOf(url, {}, signal).then(
    () => true,
    (error: unknown) => {
      if (isCertctlError(error) && error.code === 'upstream_unavailable') return false
      throw error
    },
  )
  const chain = await chainOf(url, { insecure: true }, signal)
  const top = chain.at(-1)
  if (top === undefined) return { trusted, ca: undefined }
  const { spkiSha256, subjectText, isSelfIssued } = parseCertificate(top)
  return { trusted, ca: isSelfIssued ? { spkiSha256, subject: subjectText } : undefined }
}

async function chainOf(url: string, tls: TlsMaterial, signal: AbortSignal): Promise<readonly Uint8Array[]> {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const connection = await openConnection({ host, port: Number(port || 443), tls, timeLimitSeconds: 15, signal })
  connection.destroy()
  return connection.peer?.chain ?? []
}
