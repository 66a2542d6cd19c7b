import { arch, hostname, networkInterfaces, platform } from 'node:os'

/** How this machine presents itself. */
export interface AboutHost {
  hostname: string
  os: string
  architecture: string
  ip_address: string
}

export function aboutHost(): AboutHost {
  return { hostname: hostname(), os: platform(), architecture: arch(), ip_address: outwardAddress() }
}

function outwardAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const outward = all.filter((address) => !address.internal && !address.address.startsWith('fe80'))
  return (outward.find((address) => address.family === 'IPv4') ?? outward[0])?.address ?? ''
}
