/** One line that begins with a letter, of signs that mean nothing to Markdown. */
const PLAIN = /^\p{L}[\p{L}\p{M}\p{N}\p{Extended_Pictographic} ,.?!;'’‘"“”„()%…–—-]*(?<! )$/u;
const LIKE_A_LINK = /www\./i;

/**
 * Whether Markdown would make one paragraph of a text and change nothing in it. Most of what people say is like that, and is spared
 * the parser and the sanitizer.
 */
export function isPlain(text: string): boolean {
  return PLAIN.test(text) && !LIKE_A_LINK.test(text);
}
