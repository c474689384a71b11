/** Makes a value unchangeable, all the way down; maps lose their mutators. */

/** @returns the value itself. It must be a tree that the caller owns. */
export function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (value instanceof Map) freezeMap(value)
  for (const inner of Object.values(value)) freezeDeep(inner)
  return Object.freeze(value)
}

function freezeMap(map: Map<unknown, unknown>): void {
  for (const inner of map.values()) freezeDeep(inner)
  const refuse = { value: refuseChange }
  Object.defineProperties(map, { set: refuse, delete: refuse, clear: refuse })
}

function refuseChange(): never {
  throw new TypeError('the configuration is frozen')
}
