import { signal } from "@preact/signals";
import { Problem } from "../api/http.ts";
import { type Key, t } from "../i18n/index.ts";

const SHOWN = 6000;

const shown = signal<{ text: string; id: number } | null>(null);
let count = 0;

/** Say something in passing, at the foot of the page. */
export function toast(text: string): void {
  count += 1;
  const id = count;
  shown.value = { text, id };
  setTimeout(() => {
    if (shown.value?.id === id) shown.value = null;
  }, SHOWN);
}

/** Run something a person asked for, and tell them when it did not work. Answers whether it did. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    toast(explain(error));
    return false;
  }
}

/** What went wrong, in the words of the catalogue where it has them, else in the server's. */
export function explain(error: unknown): string {
  if (error instanceof Problem) {
    if (error.status === 0) return t("problem_offline");
    const fields = error.errors.map((each) => `${each.path}: ${each.message}`).join("; ");
    return fields || error.message;
  }
  const { code, message } = error as { code?: number; message?: string };
  if (code === 429 || code === 111) return t("problem_too_fast");
  const known: Record<string, Key> = {
    forbidden: "problem_forbidden",
    "permission denied": "problem_forbidden",
    quota_exceeded: "problem_quota",
    not_found: "problem_not_found",
    "not connected": "problem_offline",
    timeout: "problem_offline",
  };
  const key = known[message ?? ""];
  return key ? t(key) : (message ?? String(error));
}

export function Toasts() {
  return (
    <div class="toasts" role="status">
      {shown.value && (
        <div class="toast" key={shown.value.id}>
          {shown.value.text}
        </div>
      )}
    </div>
  );
}
