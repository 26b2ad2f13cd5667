import { useState } from "preact/hooks";
import { t } from "../i18n/index.ts";

const SHOWN = 1500;

/** A piece of code, to be copied. `$ORIGIN` and `$HOST` in it stand for this server. */
export function Code({ children, label }: { children: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const code = children.replaceAll("$ORIGIN", location.origin).replaceAll("$HOST", location.host).trim();
  const copy = async () => {
    await navigator.clipboard.writeText(code);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN);
  };
  return (
    <figure class="code">
      <figcaption>
        {label}
        <button type="button" class="link" onClick={copy}>
          {t(copied ? "copied" : "copy")}
        </button>
      </figcaption>
      <pre tabIndex={0} lang="en" translate={false}>
        <code>{code}</code>
      </pre>
    </figure>
  );
}
