/** What every kind of component becomes in the signature base, and what is refused: case by case, each with its section of RFC 9421. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { componentOf, parseComponent } from './component.ts'
import type { HttpMessage, RequestMessage, ResponseMessage } from './http-message.ts'
import { MessageSignatureError, type SignatureFaultCode } from './message-signature-error.ts'
import { componentValue, signatureBase } from './signature-base.ts'
import { parseSignatureFields, signatureOf } from './signature-fields.ts'
import { coverComponents, parseCovered } from './signature-params.ts'
import { parseMembers } from './structured-field.ts'

type Params = Readonly<Record<string, string | true>>

const request = (changes: Partial<RequestMessage> = {}): RequestMessage => ({
  kind: 'request', method: 'POST', scheme: 'https', authority: 'www.example.com', requestTarget: '/path?param=value', headers: [], ...changes,
})
const fields = (...headers: string[]): RequestMessage => request({ headers })
const response = (changes: Partial<ResponseMessage> = {}): ResponseMessage => ({ kind: 'response', status: 200, headers: [], ...changes })
const target = (requestTarget: string): RequestMessage => request({ requestTarget })

/** The example fields of §2.1. */
const EXAMPLE = fields(
  'Host', 'www.example.com', 'Date', 'Tue, 20 Apr 2021 02:07:56 GMT', 'X-OWS-Header', '   Leading and trailing whitespace.   ',
  'X-Obs-Fold-Header', 'Obsolete\n    line folding.', 'Cache-Control', 'max-age=60', 'Cache-Control', '   must-revalidate',
  'Example-Dict', ' a=1,    b=2;x=1;y=2,   c=(a   b   c)', 'X-Empty-Header', '',
)
const DICTIONARY = fields('Example-Dict', '  a=1, b=2;x=1;y=2, c=(a   b    c), d')
const MEMBER_QUERY = target('/path?param=value&foo=bar&baz=batman&qux=')
const ENCODED_QUERY = target('/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something')
const TYPES = new Map([['example-dict', 'dictionary'], ['x-list', 'list'], ['x-item', 'item']] as const)

type ValueCase = readonly [section: string, what: string, message: HttpMessage, name: string, params: Params, expected: string]

const VALUES: readonly ValueCase[] = [
  ['2.1', 'a field on one line', EXAMPLE, 'date', {}, 'Tue, 20 Apr 2021 02:07:56 GMT'],
  ['2.1', 'names of fields are matched in any case', EXAMPLE, 'x-ows-header', {}, 'Leading and trailing whitespace.'],
  ['2.1', 'a line fold becomes one space', EXAMPLE, 'x-obs-fold-header', {}, 'Obsolete line folding.'],
  ['2.1', 'a line fold with CRLF and tabs', fields('A', 'one \t\r\n\t two'), 'a', {}, 'one two'],
  ['2.1', 'lines are joined by comma and space, in order', EXAMPLE, 'cache-control', {}, 'max-age=60, must-revalidate'],
  ['2.1', 'spaces inside stay', EXAMPLE, 'example-dict', {}, 'a=1,    b=2;x=1;y=2,   c=(a   b   c)'],
  ['2.1', 'an empty field is an empty value', EXAMPLE, 'x-empty-header', {}, ''],
  ['2.1', 'empty lines are joined, too', fields('A', '', 'A', 'x', 'A', ''), 'a', {}, ', x, '],
  ['2.1', 'tabs around a value go, a tab inside stays', fields('A', '\tone\ttwo\t'), 'a', {}, 'one\ttwo'],
  ['2.1', 'a field of a response', response({ headers: ['A', 'x'] }), 'a', {}, 'x'],
  ['2.1', 'an obsolete fold of several lines', fields('A', 'a\n b\n\tc'), 'a', {}, 'a b c'],
  ['2.1.1', 'a dictionary is serialised strictly', EXAMPLE, 'example-dict', { sf: true }, 'a=1, b=2;x=1;y=2, c=(a b c)'],
  ['2.1.1', 'lines of a dictionary are joined before', fields('Example-Dict', 'a=1', 'Example-Dict', 'b=?1'), 'example-dict', { sf: true }, 'a=1, b'],
  ['2.1.1', 'a list', fields('X-List', '"x";q=1 ,  (a  b);v, tok'), 'x-list', { sf: true }, '"x";q=1, (a b);v, tok'],
  ['2.1.1', 'an item', fields('X-Item', '  42; a="b";  c'), 'x-item', { sf: true }, '42;a="b";c'],
  ['2.1.1', 'a decimal keeps its fraction', fields('X-List', '1.0, 1.00, 1.5, -0.0, 0.250'), 'x-list', { sf: true }, '1.0, 1.0, 1.5, 0.0, 0.25'],
  ['2.1.1', 'an integer loses leading zeros', fields('X-Item', '007'), 'x-item', { sf: true }, '7'],
  ['2.1.1', 'a date, also with parameters', fields('X-Item', '@1659578233;a=1'), 'x-item', { sf: true }, '@1659578233;a=1'],
  ['2.1.1', 'dates in a list', fields('X-List', '@1 , @-2'), 'x-list', { sf: true }, '@1, @-2'],
  ['2.1.1', 'a Display String', fields('X-Item', '%"f%c3%bc%c3%bc"'), 'x-item', { sf: true }, '%"f%c3%bc%c3%bc"'],
  ['2.1.1', 'a Byte Sequence', fields('X-Item', ':AQI=:'), 'x-item', { sf: true }, ':AQI=:'],
  ['2.1.1', 'a string that looks like a decimal stays one', fields('X-Item', '"1.0, @2"'), 'x-item', { sf: true }, '"1.0, @2"'],
  ['2.1.1', 'a token with colons and digits', fields('X-Item', 'a:1.0/b'), 'x-item', { sf: true }, 'a:1.0/b'],
  ['2.1.2', 'a member that is an Integer', DICTIONARY, 'example-dict', { key: 'a' }, '1'],
  ['2.1.2', 'a member with parameters', DICTIONARY, 'example-dict', { key: 'b' }, '2;x=1;y=2'],
  ['2.1.2', 'a member that is an inner list', DICTIONARY, 'example-dict', { key: 'c' }, '(a b c)'],
  ['2.1.2', 'a member without a value is true', DICTIONARY, 'example-dict', { key: 'd' }, '?1'],
  ['2.1.2', 'sf beside key changes nothing', DICTIONARY, 'example-dict', { sf: true, key: 'a' }, '1'],
  ['2.1.2', 'a member on another line of the field', fields('Example-Dict', 'a=1', 'Example-Dict', 'b=(x);p'), 'example-dict', { key: 'b' }, '(x);p'],
  ['2.1.2', 'a decimal as a member', fields('Example-Dict', 'a=2.0;q=0.50'), 'example-dict', { key: 'a' }, '2.0;q=0.5'],
  ['2.1.2', 'true with parameters', fields('Example-Dict', 'a;x'), 'example-dict', { key: 'a' }, '?1;x'],
  ['2.1.3', 'each line as bytes', fields('Example-Header', 'value, with, lots', 'Example-Header', 'of, commas'), 'example-header', { bs: true }, ':dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:'],
  ['2.1.3', 'one line with the same text is other bytes', fields('Example-Header', 'value, with, lots, of, commas'), 'example-header', { bs: true }, ':dmFsdWUsIHdpdGgsIGxvdHMsIG9mLCBjb21tYXM=:'],
  ['2.1.3', 'spaces around go before', fields('A', '  x '), 'a', { bs: true }, ':eA==:'],
  ['2.1.3', 'bytes outside ASCII', fields('A', 'f\u00fc'), 'a', { bs: true }, ':Zvw=:'],
  ['2.1.3', 'an empty line', fields('A', ''), 'a', { bs: true }, '::'],
  ['2.1.4', 'a trailer', response({ headers: ['Expires', 'in the head'], trailers: ['Expires', 'in the trailer'] }), 'expires', { tr: true }, 'in the trailer'],
  ['2.1.4', 'the head is another component', response({ headers: ['Expires', 'in the head'], trailers: ['Expires', 'in the trailer'] }), 'expires', {}, 'in the head'],
  ['2.1.4', 'a trailer as bytes', response({ trailers: ['A', 'x'] }), 'a', { bs: true, tr: true }, ':eA==:'],
  ['2.2.1', 'the method', request(), '@method', {}, 'POST'],
  ['2.2.1', 'the case of a method is kept', request({ method: 'PoSt' }), '@method', {}, 'PoSt'],
  ['2.2.2', 'the target URI of an origin form', request(), '@target-uri', {}, 'https://www.example.com/path?param=value'],
  ['2.2.2', 'the target URI of an absolute form', target('https://www.example.com/path?param=value'), '@target-uri', {}, 'https://www.example.com/path?param=value'],
  ['2.2.2', 'percent-encoding stays', target('/a%2Fb/%7Ec'), '@target-uri', {}, 'https://www.example.com/a%2Fb/%7Ec'],
  ['2.2.2', 'the target URI of an asterisk form', request({ method: 'OPTIONS', requestTarget: '*' }), '@target-uri', {}, 'https://www.example.com'],
  ['2.2.3', 'the authority', request(), '@authority', {}, 'www.example.com'],
  ['2.2.3', 'the authority in lower case', request({ authority: 'WWW.Example.com' }), '@authority', {}, 'www.example.com'],
  ['2.2.3', "the scheme's own port goes", request({ authority: 'www.example.com:443' }), '@authority', {}, 'www.example.com'],
  ['2.2.3', "another scheme's port stays", request({ authority: 'www.example.com:80' }), '@authority', {}, 'www.example.com:80'],
  ['2.2.3', 'port 80 goes with http', request({ authority: 'www.example.com:80', scheme: 'http' }), '@authority', {}, 'www.example.com'],
  ['2.2.3', 'an IPv6 address with a port', request({ authority: '[2001:DB8::1]:8443' }), '@authority', {}, '[2001:db8::1]:8443'],
  ['2.2.3', 'an IPv6 address whose end looks like a port', request({ authority: '[2001:db8::443]' }), '@authority', {}, '[2001:db8::443]'],
  ['2.2.4', 'the scheme', request({ scheme: 'http' }), '@scheme', {}, 'http'],
  ['2.2.5', 'the request target in origin form', request(), '@request-target', {}, '/path?param=value'],
  ['2.2.5', 'in absolute form', target('https://www.example.com/path?param=value'), '@request-target', {}, 'https://www.example.com/path?param=value'],
  ['2.2.5', 'in authority form', request({ method: 'CONNECT', requestTarget: 'www.example.com:80' }), '@request-target', {}, 'www.example.com:80'],
  ['2.2.5', 'in asterisk form', request({ method: 'OPTIONS', requestTarget: '*' }), '@request-target', {}, '*'],
  ['2.2.6', 'the path', request(), '@path', {}, '/path'],
  ['2.2.6', 'an empty path is a slash', target('https://www.example.com?x'), '@path', {}, '/'],
  ['2.2.6', 'a path is not decoded, nor are dots removed', target('/a/%2e%2e/../b//c?x'), '@path', {}, '/a/%2e%2e/../b//c'],
  ['2.2.6', 'the path of an absolute form', target('https://www.example.com/p/q?x#y'), '@path', {}, '/p/q'],
  ['2.2.7', 'the query with its question mark', target('/path?param=value&foo=bar&baz=bat%2Dman'), '@query', {}, '?param=value&foo=bar&baz=bat%2Dman'],
  ['2.2.7', 'a query without pairs', target('/path?queryString'), '@query', {}, '?queryString'],
  ['2.2.7', 'an empty query', target('/path?'), '@query', {}, '?'],
  ['2.2.7', 'no query is the question mark alone', target('/path'), '@query', {}, '?'],
  ['2.2.7', 'a second question mark belongs to the query', target('/path?a?b'), '@query', {}, '?a?b'],
  ['2.2.8', 'one parameter', MEMBER_QUERY, '@query-param', { name: 'baz' }, 'batman'],
  ['2.2.8', 'an empty parameter', MEMBER_QUERY, '@query-param', { name: 'qux' }, ''],
  ['2.2.8', 'a value is encoded anew', ENCODED_QUERY, '@query-param', { name: 'var' }, 'this%20is%20a%20big%0Amultiline%20value'],
  ['2.2.8', 'a plus is a space', ENCODED_QUERY, '@query-param', { name: 'bar' }, 'with%20plus%20whitespace'],
  ['2.2.8', 'a name is encoded, too', ENCODED_QUERY, '@query-param', { name: 'fa%C3%A7ade%22%3A%20' }, 'something'],
  ['2.2.8', 'the characters a form leaves alone', target("/?a=*-._~!'()"), '@query-param', { name: 'a' }, '*-._%7E%21%27%28%29'],
  ['2.2.9', 'the status', response({ status: 503 }), '@status', {}, '503'],
  ['2.4', 'a component of the request', response({ request: request() }), '@method', { req: true }, 'POST'],
  ['2.4', 'a field of the request', response({ headers: ['A', 'mine'], request: fields('A', 'yours') }), 'a', { req: true }, 'yours'],
  ['2.4', 'a member of a field of the request', response({ request: fields('Signature', 'sig1=:AQ==:, sig2=:Ag==:') }), 'signature', { req: true, key: 'sig2' }, ':Ag==:'],
  ['2.4', 'a query parameter of the request', response({ request: MEMBER_QUERY }), '@query-param', { name: 'foo', req: true }, 'bar'],
]

for (const [section, what, message, name, params, expected] of VALUES) {
  test(`§${section} ${what}`, () => {
    assert.equal(componentValue(componentOf(name, params), message, TYPES), expected)
  })
}

type RefusedCase = readonly [section: string, what: string, code: SignatureFaultCode, act: () => unknown]

const value = (message: HttpMessage, name: string, params: Params = {}) => (): string => componentValue(componentOf(name, params), message, TYPES)
const covering = (inner: string) => (): unknown => parseCovered(parseMembers(`sig=${inner}`)[0]?.value ?? [0, new Map()])
const signed = (input: string, signature: string) => (): unknown => signatureOf(parseSignatureFields(['Signature-Input', input, 'Signature', signature]), 'sig')

const REFUSED: readonly RefusedCase[] = [
  ['2.1', 'a field that is not there', 'component_missing', value(request(), 'absent')],
  ['2.1', 'a field name with a capital', 'component_invalid', () => componentOf('Date')],
  ['2.1', 'a name that is no field name', 'component_invalid', () => componentOf('a b')],
  ['2.1', 'an empty name', 'component_invalid', () => componentOf('')],
  ['2.1', 'a value outside ASCII', 'value_invalid', value(fields('A', 'f\u00fc'), 'a')],
  ['2.1', 'a line break that is no fold', 'value_invalid', value(fields('A', 'a\nb: c'), 'a')],
  ['2.1', 'a carriage return', 'value_invalid', value(fields('A', 'a\rb'), 'a')],
  ['2.1', 'a NUL', 'value_invalid', value(fields('A', 'a\0b'), 'a')],
  ['2.1', 'bs with sf', 'component_invalid', () => componentOf('a', { bs: true, sf: true })],
  ['2.1', 'bs with key', 'component_invalid', () => componentOf('a', { bs: true, key: 'x' })],
  ['2.1.1', 'sf on a field of unknown type', 'component_invalid', value(fields('A', '1'), 'a', { sf: true })],
  ['2.1.1', 'sf on what is not of its type', 'field_malformed', value(fields('X-Item', 'a, b'), 'x-item', { sf: true })],
  ['2.1.1', 'a dictionary key twice', 'field_malformed', value(fields('Example-Dict', 'a=1', 'Example-Dict', 'a=2'), 'example-dict', { sf: true })],
  ['2.1.1', 'a trailing comma', 'field_malformed', value(fields('Example-Dict', 'a=1,'), 'example-dict', { sf: true })],
  ['2.1.1', 'a control in a Display String', 'field_malformed', value(fields('X-Item', '%"%0a"'), 'x-item', { sf: true })],
  ['2.1.1', 'a decimal with four places', 'field_malformed', value(fields('X-Item', '1.0000'), 'x-item', { sf: true })],
  ['2.1.1', 'a Byte Sequence that is not base64', 'field_malformed', value(fields('X-Item', ':A:'), 'x-item', { sf: true })],
  ['2.1.2', 'a member that is not there', 'component_missing', value(DICTIONARY, 'example-dict', { key: 'z' })],
  ['2.1.2', 'a member of what is no dictionary', 'field_malformed', value(fields('Example-Dict', 'a=1, ('), 'example-dict', { key: 'a' })],
  ['2.1.2', 'a member that stands twice', 'field_malformed', value(fields('Example-Dict', 'a=1, a=2'), 'example-dict', { key: 'a' })],
  ['2.1.2', 'a key that is no String', 'component_invalid', covering('("example-dict";key=a)')],
  ['2.1.3', 'a line break under bs', 'value_invalid', value(fields('A', 'a\nb'), 'a', { bs: true })],
  ['2.1.3', 'characters that are no bytes under bs', 'value_invalid', value(fields('A', '\u20ac'), 'a', { bs: true })],
  ['2.1.4', 'a trailer that is not there', 'component_missing', value(fields('A', 'x'), 'a', { tr: true })],
  ['2.2', 'a derived component that does not exist', 'component_invalid', () => componentOf('@query-params')],
  ['2.2', '@signature-params among the components', 'component_invalid', () => componentOf('@signature-params')],
  ['2.2', 'sf on a derived component', 'component_invalid', () => componentOf('@method', { sf: true })],
  ['2.2', 'tr on a derived component', 'component_invalid', () => componentOf('@path', { tr: true })],
  ['2.2.1', 'the method of a response', 'component_missing', value(response(), '@method')],
  ['2.2.1', 'a method with a line break', 'value_invalid', value(request({ method: 'GET\n' }), '@method')],
  ['2.2.2', 'a target with a line break', 'value_invalid', value(target('/a\n"@path": /b'), '@target-uri')],
  ['2.2.8', 'a query parameter without a name', 'component_invalid', () => componentOf('@query-param')],
  ['2.2.8', 'a name on another component', 'component_invalid', () => componentOf('@query', { name: 'a' })],
  ['2.2.8', 'a query parameter that is not there', 'component_missing', value(MEMBER_QUERY, '@query-param', { name: 'nope' })],
  ['2.2.8', 'a query parameter that stands twice', 'field_malformed', value(target('/?a=1&a=1'), '@query-param', { name: 'a' })],
  ['2.2.8', 'a query parameter that stands twice in two spellings', 'field_malformed', value(target('/?a=1&%61=2'), '@query-param', { name: 'a' })],
  ['2.2.9', 'the status of a request', 'component_missing', value(request(), '@status')],
  ['2.2.9', 'a status of two digits', 'value_invalid', value(response({ status: 99 }), '@status')],
  ['2.3', 'an unknown signature parameter', 'parameter_invalid', covering('("date");created=1;x="y"')],
  ['2.3', 'created as a String', 'parameter_invalid', covering('();created="1"')],
  ['2.3', 'created as a Decimal', 'field_malformed', signed('sig=();created=1.0', 'sig=:AQ==:')],
  ['2.3', 'created as a Date', 'field_malformed', signed('sig=();created=@1', 'sig=:AQ==:')],
  ['2.3', 'a key id as a Token', 'parameter_invalid', covering('();keyid=abc')],
  ['2.3', 'a key id outside ASCII, when signing', 'parameter_invalid', () => coverComponents([], { keyid: 'f\u00fc' })],
  ['2.4', 'req in a request', 'component_invalid', value(fields('A', 'x'), 'a', { req: true })],
  ['2.4', 'req without a request', 'component_missing', value(response(), '@method', { req: true })],
  ['2.4', 'req on the status', 'component_invalid', () => componentOf('@status', { req: true })],
  ['2.5', 'a component twice', 'component_duplicate', covering('("date" "date")')],
  ['2.5', 'a component twice with its parameters in another order', 'component_duplicate', covering('("a";sf;key="x" "a";key="x";sf)')],
  ['2.5', 'a component twice, when signing', 'component_duplicate', () => coverComponents([componentOf('@path'), componentOf('@path')], {})],
  ['2.5', 'more components than can be looked for', 'component_invalid', covering(`(${Array.from({ length: 257 }, (_, n) => `"x${n}"`).join(' ')})`)],
  ['2.5', 'an unknown component parameter', 'component_invalid', covering('("date";x)')],
  ['2.5', 'a flag that is false', 'component_invalid', covering('("date";bs=?0)')],
  ['2.5', 'a component that is no String', 'component_invalid', () => parseComponent([1, new Map()])],
  ['2.5', 'a list that is no inner list', 'field_malformed', covering('"date"')],
  ['4', 'a label in one of the two fields alone', 'field_malformed', signed('sig=()', 'other=:AQ==:')],
  ['4', 'a signature that is no Byte Sequence', 'field_malformed', signed('sig=()', 'sig="AQ=="')],
  ['4', 'a signature in another spelling of its bytes', 'field_malformed', signed('sig=()', 'sig=:AR==:')],
  ['4', 'a signature with parameters', 'field_malformed', signed('sig=()', 'sig=:AQ==:;a')],
  ['4', 'a label twice', 'field_malformed', signed('sig=(), sig=("date")', 'sig=:AQ==:')],
]

for (const [section, what, code, act] of REFUSED) {
  test(`§${section} refuses ${what}`, () => {
    assert.throws(act, (error: unknown) => error instanceof MessageSignatureError && error.code === code && !error.message.includes('\n'))
  })
}

test('the table has at least sixty values and as many sections as §2 has rules', () => {
  assert.ok(VALUES.length >= 60)
  assert.deepEqual([...new Set(VALUES.map(([section]) => section))].sort(), ['2.1', '2.1.1', '2.1.2', '2.1.3', '2.1.4', '2.2.1', '2.2.2', '2.2.3', '2.2.4', '2.2.5', '2.2.6', '2.2.7', '2.2.8', '2.2.9', '2.4'])
})

test('§2.5 the base has a line for each component in their order, and the parameters last without a line end', () => {
  const covered = coverComponents([componentOf('@method'), componentOf('@query-param', { name: 'Pet' }), componentOf('x-empty')], { created: 1618884473, keyid: 'a"b\\c' })
  const message = request({ requestTarget: '/foo?param=Value&Pet=dog', headers: ['X-Empty', ''] })
  assert.equal(signatureBase(message, covered).toString(), [
    '"@method": POST',
    '"@query-param";name="Pet": dog',
    '"x-empty": ',
    '"@signature-params": ("@method" "@query-param";name="Pet" "x-empty");created=1618884473;keyid="a\\"b\\\\c"',
  ].join('\n'))
})

test('a text that is made to be slow takes no longer than its length', () => {
  const LENGTH = 200_000
  for (const text of ['"\\"', ' ', '*x', ':', '%"', 'a=1.0,', '@', '\t,']) {
    const long = text.repeat(LENGTH / text.length)
    assert.throws(() => componentValue(componentOf('example-dict', { sf: true }), fields('Example-Dict', `a=1.0, b="${long}`), TYPES), { code: 'field_malformed' })
    assert.equal(componentValue(componentOf('a'), fields('A', ` x${' '.repeat(LENGTH)}y `)).length, LENGTH + 2)
  }
})

test('§2.3 the parameters stand in the base in the order in which they came', () => {
  for (const text of ['("@method");created=1;expires=2;nonce="n";alg="ed25519";keyid="k";tag="t"', '();tag="t";keyid="k";created=1']) {
    const [member] = parseMembers(`sig=${text}`)
    assert.ok(member !== undefined)
    assert.equal(parseCovered(member.value).text, text)
  }
})

test('§2 the order of the parameters of a component is kept', () => {
  const [member] = parseMembers('sig=("a";key="x";req "a";req;key="y")')
  assert.ok(member !== undefined)
  assert.deepEqual(parseCovered(member.value).components.map(({ id }) => id), ['"a";key="x";req', '"a";req;key="y"'])
})
