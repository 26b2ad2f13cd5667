import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { Problem } from "../api/http.ts";
import { explain } from "./toast.tsx";

export interface Failure {
  /** What is wrong with the whole. */
  text: string;
  /** What is wrong with each field. */
  fields: Record<string, string>;
}

/** How a form is sent: whether that is under way, what came of it, and the handler. */
export function useSubmit(send: (data: FormData) => Promise<unknown>) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    const form = event.currentTarget as HTMLFormElement;
    setBusy(true);
    setFailure(null);
    try {
      await send(new FormData(form));
    } catch (error) {
      const fields =
        error instanceof Problem ? Object.fromEntries(error.errors.map((each) => [each.path, each.message])) : {};
      setFailure({ text: explain(error), fields });
      const first = Object.keys(fields)[0];
      form.querySelector<HTMLElement>(first ? `[name="${CSS.escape(first)}"]` : "input")?.focus();
    } finally {
      setBusy(false);
    }
  };
  return { busy, failure, onSubmit };
}

/** A labelled field: `children` gets the attributes that tie it to its label, its hint and its error. */
export function Field({
  label,
  hint,
  error,
  children,
}: {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  children: (attributes: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ComponentChildren;
}) {
  const id = useId();
  const described = hint || error ? { "aria-describedby": `${id}-about` } : {};
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...described, ...(error ? { "aria-invalid": true as const } : {}) })}
      {(error || hint) && (
        <p id={`${id}-about`} class={error ? "field-error" : "field-hint"}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

/** What is wrong with the whole form, unless a field already says it. */
export function FormFailure({ failure }: { failure: Failure | null }) {
  if (!failure || Object.keys(failure.fields).length) return null;
  return (
    <p class="form-failure" role="alert">
      {failure.text}
    </p>
  );
}
