/** Messages as Markdown. What comes out of here is a DOM fragment that DOMPurify has made: nothing in it runs or is fetched. */

import DOMPurify from "dompurify";
import { Marked } from "marked";
import type { Id } from "../api/types.ts";
import { isPlain } from "./plain.ts";

const TAGS = [
  "a",
  "blockquote",
  "br",
  "code",
  "del",
  "em",
  "h3",
  "h4",
  "h5",
  "h6",
  "hr",
  "li",
  "ol",
  "p",
  "pre",
  "span",
  "strong",
  "table",
  "tbody",
  "td",
  "th",
  "thead",
  "tr",
  "ul",
]; // prettier-ignore
const ATTRIBUTES = ["href", "title", "start", "class", "data-mention", "align"];
const HARMLESS_LINK = /^(?:https?|mailto):/i;

const marked = new Marked({ gfm: true, breaks: true });
marked.use({
  renderer: {
    /** What looks like markup was typed as text. */
    html: ({ text }) => escaped(text),
    /** Pictures elsewhere tell their server who reads: they are links here. */
    image: ({ href, text, title }) =>
      `<a href="${escaped(href)}" title="${escaped(title ?? "")}">${escaped(text || href)}</a>`,
    heading({ tokens, depth }) {
      const level = Math.min(depth + 2, 6);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
    },
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  if (!HARMLESS_LINK.test(node.getAttribute("href") ?? "")) node.removeAttribute("href");
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

/** Names that a text may mention, in the order in which they are tried; the value is who is meant, null for everyone. */
export type Names = ReadonlyMap<string, Id | null>;

export function render(text: string, names: Names, myself: Id | undefined): DocumentFragment {
  if (isPlain(text)) return paragraph(text);
  const html = marked.parse(text, { async: false });
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  markMentions(fragment, names, myself);
  for (const block of fragment.children) block.setAttribute("dir", "auto");
  for (const code of fragment.querySelectorAll("pre, code")) code.setAttribute("dir", "ltr");
  return fragment;
}

function paragraph(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const only = document.createElement("p");
  only.setAttribute("dir", "auto");
  only.textContent = text;
  fragment.append(only);
  return fragment;
}

/** A text in one line, without its markup. */
export function plain(text: string, longest = 140): string {
  const line = text
    .replace(/```[\s\S]*?(```|$)/g, "…")
    .replace(/[*_~`>#]+/g, "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}

function markMentions(fragment: DocumentFragment, names: Names, myself: Id | undefined): void {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const node of texts) {
    if (node.data.includes("@") && !node.parentElement?.closest("code, a")) splitMentions(node, names, myself);
  }
}

function splitMentions(node: Text, names: Names, myself: Id | undefined): void {
  let rest = node;
  for (let at = rest.data.indexOf("@"); at >= 0; at = rest.data.indexOf("@", at)) {
    const before = rest.data[at - 1];
    const name = before && /[\p{L}\p{N}_@.+/-]/u.test(before) ? undefined : nameAt(rest.data, at + 1, names);
    if (name === undefined) {
      at += 1;
      continue;
    }
    const mention = rest.splitText(at);
    rest = mention.splitText(name.length + 1);
    const who = names.get(name.toLowerCase());
    const marked = document.createElement("span");
    marked.className = who === null || who === myself ? "mention mention-me" : "mention";
    marked.textContent = mention.data;
    mention.replaceWith(marked);
    at = 0;
  }
}

/** The longest known name that stands there as whole words. */
function nameAt(text: string, start: number, names: Names): string | undefined {
  const following = text.slice(start, start + 130);
  const lowered = following.toLowerCase();
  let best: string | undefined;
  for (const name of names.keys()) {
    if (name.length <= (best?.length ?? 0) || !lowered.startsWith(name)) continue;
    const next = following[name.length];
    if (!next || !/[\p{L}\p{N}_]/u.test(next)) best = following.slice(0, name.length);
  }
  return best;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}
