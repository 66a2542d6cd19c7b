import { doubtful, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'

/** Whether somebody expects a proxy to be used. */
export async function checkProxy({ proxies }: Looks): Promise<Finding[]> {
  if (proxies.length === 0) return [fine('proxy_none', 'No proxy is set')]
  return [
    doubtful('proxy_ignored', {
      seen: `${proxies.join(' and ')} ${proxies.length === 1 ? 'is' : 'are'} set for this server`,
      cause:
        'This server calls CAs directly and does not use a proxy. Where only the proxy may go outside, no CA can be reached',
      remedy:
        'Let this server connect to the CA directly (TCP port 443); else unset the variable, it does nothing here',
    }),
  ]
}
