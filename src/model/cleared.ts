/**
 * A value that passed its scan. Only the scan stages of pipeline/ make one (a lint rule sees to that); forwarding and
 * delivery accept nothing else, so a data path that skips a scan does not compile.
 */

declare const cleared: unique symbol

export type Cleared<T> = T & { readonly [cleared]: true }
