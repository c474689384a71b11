/** Entry point `chaperone/testing`: a real origin to point a companion at, for demos and for tests of those who build on it. */
export { startCountingOrigin, type CountingOrigin } from './counting-origin.ts'
