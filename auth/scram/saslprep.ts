/**
 * SASLprep (RFC 4013) as far as it changes what is compared: mapping of spaces and "nothing" characters, NFKC,
 * prohibited output, and the bidirectional rule. Text that cannot be prepared is used as it is, as PostgreSQL does
 * (src/common/saslprep.c: an invalid password is taken as raw bytes), so that both ends derive the same keys.
 */

// RFC 3454 table B.1, "commonly mapped to nothing".
// biome-ignore lint/suspicious/noMisleadingCharacterClass: every code point is meant by itself, as in the RFC's table
const mappedToNothing = /\u034F|[\u00AD\u1806\u180B-\u180D\u200B-\u200D\u2060\uFE00-\uFE0F\uFEFF]/gu;
// RFC 3454 table C.1.2, non-ASCII space characters, which RFC 4013 section 2.1 maps to SPACE.
// U+200B stands in both tables; PostgreSQL's order (spaces first) is followed.
const otherSpaces = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/gu;
// What may not be in the output: RFC 3454, tables C.2.1 to C.9, one line each.
const prohibited = new RegExp(
  [
    '[\\u0000-\\u001F\\u007F]', // C.2.1 ASCII control
    '[\\u0080-\\u009F\\u06DD\\u070F\\u180E\\u200C\\u2028\\u2029\\u2060-\\u2063\\u206A-\\u206F\\uFEFF\\uFFF9-\\uFFFC]|\\u200D|[\\u{1D173}-\\u{1D17A}]', // C.2.2 other control
    '[\\uE000-\\uF8FF\\u{F0000}-\\u{FFFFD}\\u{100000}-\\u{10FFFD}]', // C.3 private use
    '[\\uFDD0-\\uFDEF]|\\p{Noncharacter_Code_Point}', // C.4 non-characters
    '[\\uD800-\\uDFFF]', // C.5 surrogates
    '\\uFFFD', // C.6 inappropriate for plain text, beside those above
    '[\\u2FF0-\\u2FFB]', // C.7 inappropriate for canonical representation
    '\\u0340|\\u0341|[\\u200E\\u200F\\u202A-\\u202E]', // C.8 change of display, deprecated
    '\\u{E0001}|[\\u{E0020}-\\u{E007F}]', // C.9 tagging
  ].join('|'),
  'u',
);
const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;
const leftToRight = /\p{L}/u;

/** The prepared form, or null when RFC 4013 refuses the text. */
export function saslprep(text: string): string | null {
  const mapped = text.replace(otherSpaces, ' ').replace(mappedToNothing, '').normalize('NFKC');
  if (mapped.length === 0 || prohibited.test(mapped)) return null;
  const letters = [...mapped];
  if (letters.some((letter) => rightToLeft.test(letter))) {
    // RFC 3454 section 6: no left-to-right letters beside, and a right-to-left one at both ends.
    if (letters.some((letter) => leftToRight.test(letter) && !rightToLeft.test(letter))) return null;
    if (!rightToLeft.test(letters[0] as string) || !rightToLeft.test(letters.at(-1) as string)) return null;
  }
  return mapped;
}

/** What keys are derived from: the prepared form, or the text itself when it has none. */
export function preparePassword(password: string): string {
  // Printable ASCII is its own prepared form.
  if (/^[\x20-\x7E]*$/.test(password)) return password;
  return saslprep(password) ?? password;
}
