/** Defaults beneath what the file says. */

/** @returns every key of `defaults`, with the written value where there is one; keys of `written` alone are left out */
export function fillIn<D extends object, W extends object>(defaults: D, written: W | undefined): { readonly [K in keyof D & keyof W]: D[K] | Exclude<W[K], undefined> } {
  const values = new Map<string, unknown>(Object.entries(written ?? {}).filter(([, value]) => value !== undefined))
  const filled = Object.entries(defaults).map(([name, value]: [string, unknown]) => [name, values.get(name) ?? value])
  return Object.fromEntries(filled) as { readonly [K in keyof D & keyof W]: D[K] | Exclude<W[K], undefined> }
}
