/** How one name is written in the places it turns up. */
export interface ConnectorNames {
  /** As the operator writes it: `VaultPKI`. */
  type: string
  /** Folder and package: `vault-pki`. */
  slug: string
  /** In identifiers: `VaultPki`. */
  pascal: string
  /** In identifiers that begin small: `vaultPki`. */
  camel: string
  /** In environment variables: `VAULT_PKI`. */
  constant: string
}

/** Throws for a name that cannot be a folder, a package and an identifier at once. */
export function namesOf(type: string): ConnectorNames {
  if (!/^[A-Za-z][A-Za-z0-9._-]{0,39}$/.test(type))
    throw new Error(`"${type}" cannot be a type: begin with a letter, go on with letters, digits, dots and dashes`)
  const words = type
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
  const pascal = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return {
    type,
    slug: words.join('-'),
    pascal,
    camel: pascal.charAt(0).toLowerCase() + pascal.slice(1),
    constant: words.join('_').toUpperCase(),
  }
}
