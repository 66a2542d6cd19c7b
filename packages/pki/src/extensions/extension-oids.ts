export const extensionOids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  freshestCrl: '2.5.29.46',
  inhibitAnyPolicy: '2.5.29.54',
  noRevAvail: '2.5.29.56',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  subjectInfoAccess: '1.3.6.1.5.5.7.1.11',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
  acmeIdentifier: '1.3.6.1.5.5.7.1.31',
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',
  sctList: '1.3.6.1.4.1.11129.2.4.2',
  sctPoison: '1.3.6.1.4.1.11129.2.4.3',
  microsoftTemplate: '1.3.6.1.4.1.311.21.7',
  microsoftSid: '1.3.6.1.4.1.311.25.2',
  extensionRequest: '1.2.840.113549.1.9.14',
  microsoftExtensionRequest: '1.3.6.1.4.1.311.2.1.14',
  smimeCapabilities: '1.2.840.113549.1.9.15',
  challengePassword: '1.2.840.113549.1.9.7',
  ocsp: '1.3.6.1.5.5.7.48.1',
  caIssuers: '1.3.6.1.5.5.7.48.2',
} as const

const names = new Map<string, string>(Object.entries(extensionOids).map(([name, oid]) => [oid, `${name} (${oid})`]))

/** An extension as an operator would recognise it: its name and number, or its number. */
export function extensionName(oid: string): string {
  return names.get(oid) ?? oid
}
