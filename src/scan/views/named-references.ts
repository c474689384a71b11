/** Named character references of HTML that stand for an ASCII character or for something that is not drawn (HTML Living Standard §13.5). */

const ROWS: readonly (readonly [text: string, names: string])[] = [
  ['&', 'amp AMP'], ['<', 'lt LT'], ['>', 'gt GT'], ['"', 'quot QUOT'], ["'", 'apos'], [' ', 'nbsp NonBreakingSpace ensp emsp thinsp hairsp numsp puncsp'],
  ['', 'shy zwnj zwj lrm rlm ZeroWidthSpace NoBreak InvisibleTimes InvisibleComma ic it af'], ['\t', 'Tab'], ['\n', 'NewLine'], ['!', 'excl'], ['#', 'num'],
  ['$', 'dollar'], ['%', 'percnt'], ['(', 'lpar'], [')', 'rpar'], ['*', 'ast midast'], ['+', 'plus'], [',', 'comma'], ['-', 'hyphen dash ndash mdash'], ['.', 'period'],
  ['/', 'sol'], [':', 'colon'], [';', 'semi'], ['=', 'equals'], ['?', 'quest'], ['@', 'commat'], ['[', 'lsqb lbrack'], ['\\', 'bsol'], [']', 'rsqb rbrack'],
  ['^', 'Hat'], ['_', 'lowbar UnderBar'], ['`', 'grave DiacriticalGrave'], ['{', 'lcub lbrace'], ['|', 'verbar vert VerticalLine'], ['}', 'rcub rbrace'],
]

export const NAMED_REFERENCES: ReadonlyMap<string, string> = new Map(ROWS.flatMap(([text, names]) => names.split(' ').map((name): [string, string] => [name, text])))
