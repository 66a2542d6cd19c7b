import { broken, type Finding, fine } from '../finding.js'
import type { DirectoryLook, Looks } from '../looks.js'

/** Whether an ACME directory answers where the issuer says. */
export async function checkDirectory(looks: Looks): Promise<Finding[]> {
  const look = await looks.directory()
  return look === undefined ? [] : [findingOf(look, looks.proxies)]
}

function findingOf(look: DirectoryLook, proxies: readonly string[]): Finding {
  if (look.state === 'silent') return unreachable(look.reason, proxies)
  const { url, status, location } = look
  if (status >= 300 && status < 400) return redirects(url, status, location)
  if (status >= 400) return failing(url, status)
  if (!look.isJson) return notAcme(`${url} answers with something that is not JSON`)
  if (look.missing.length > 0) return notAcme(`${url} answers with JSON that has no ${look.missing.join(', ')}`)
  return fine('directory_ok', `${url} is an ACME directory`)
}

function unreachable(reason: string, proxies: readonly string[]): Finding {
  const proxy = proxies.length === 0 ? '' : `. ${proxies.join(' and ')} is set, and this server connects directly`
  return broken('directory_unreachable', {
    seen: reason,
    cause: `A firewall, a wrong address, or a certificate of the CA’s server that is not trusted here${proxy}`,
    remedy:
      'Open the way to it; for a CA of your own set ca_bundle_path of the issuer to the certificate of its server’s CA',
  })
}

function redirects(url: string, status: number, location: string | undefined): Finding {
  const place = location !== undefined && URL.canParse(location, url) ? new URL(location, url) : undefined
  return broken('directory_redirects', {
    seen: `${url} answers ${status} and leads to ${place === undefined ? 'nowhere' : place.host}`,
    cause:
      'The address is not the directory itself: another path, http instead of https, or a login page before it. Redirects of a CA are not followed',
    remedy: `Set directory_url of the issuer to the directory itself${place === undefined ? '' : `, if you trust it: ${place.origin}${place.pathname}`}`,
  })
}

function failing(url: string, status: number): Finding {
  return broken('directory_failing', {
    seen: `${url} answers ${status}`,
    cause:
      status >= 500
        ? 'The CA has trouble, or is being worked on'
        : 'There is no directory under this address, or it is not for everybody',
    remedy:
      status >= 500
        ? 'Look at the status page of the CA; orders are tried again by themselves'
        : 'Correct directory_url of the issuer',
  })
}

function notAcme(seen: string): Finding {
  return broken('directory_not_acme', {
    seen,
    cause: 'It is another page of the CA, or a proxy, a firewall or a login page answers in its place',
    remedy: 'Correct directory_url of the issuer; if it is right, look who answers: curl -i and the address',
  })
}
