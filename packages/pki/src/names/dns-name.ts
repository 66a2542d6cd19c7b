import { domainToASCII, domainToUnicode } from 'node:url'
import { rejected } from './rejected.js'

const longestInput = 1024

/** A DNS name as certificates carry it: A-labels, lower case, no final dot, at most a wildcard as its whole first label. Throws `identifier_rejected`. */
export function canonicalDnsName(text: string): string {
  if (text.length > longestInput) throw rejected('DNS', text, 'is far too long')
  const isWildcard = text.startsWith('*.')
  const ascii = asciiHost(isWildcard ? text.slice(2) : text, text)
  const name = isWildcard ? `*.${ascii}` : ascii
  if (name.length > 253) throw rejected('DNS', text, 'has more than 253 characters')
  return name
}

/** The A-label form of a host without wildcard; `shown` is what the message quotes. */
export function asciiHost(host: string, shown: string): string {
  const lower = (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase()
  if (lower.includes('*'))
    throw rejected('DNS', shown, 'may have a wildcard only as its whole first label, as in *.example.com')
  const ascii = isPlain(lower) ? lower : toALabels(lower, shown)
  checkLabels(ascii, shown)
  return ascii
}

/** Without anything that international rules would look at. */
function isPlain(host: string): boolean {
  return /^\p{ASCII}*$/u.test(host) && !/(?:^|\.)xn--/.test(host)
}

// RFC 5280 §7.2: conversion before comparison or encoding; an A-label must be what its own meaning converts to.
function toALabels(host: string, shown: string): string {
  if (/[%\s/?#@:\\[\]]/.test(host)) throw rejected('DNS', shown, 'holds a character that no host name has')
  const ascii = domainToASCII(host)
  if (ascii === '' || standsForNothing(ascii))
    throw rejected('DNS', shown, 'is not an international domain name that can be registered')
  if (/^\p{ASCII}*$/u.test(host) && ascii !== host)
    throw rejected('DNS', shown, 'holds an xn-- label that stands for nothing')
  return ascii
}

/** Newer Nodes pass on an xn-- label that they cannot read; it then stands for itself. */
function standsForNothing(ascii: string): boolean {
  return /(?:^|\.)xn--/.test(domainToUnicode(ascii))
}

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

function checkLabels(host: string, shown: string): void {
  if (host === '') throw rejected('DNS', shown, 'is empty')
  if (host.length > 253) throw rejected('DNS', shown, 'has more than 253 characters')
  const labels = host.split('.')
  const wrong = labels.find((part) => !label.test(part))
  if (wrong !== undefined) throw rejected('DNS', shown, faultOf(wrong))
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? ''))
    throw rejected('DNS', shown, 'ends in a number, so it is an IP address or nothing')
}

function faultOf(part: string): string {
  if (part === '') return 'has an empty label'
  if (part.length > 63) return 'has a label of more than 63 characters'
  if (part.startsWith('-') || part.endsWith('-')) return 'has a label that begins or ends with a hyphen'
  return `holds a character other than letters, digits, hyphen and underscore in "${part}"`
}
