import { signal } from "@preact/signals";

const said = signal("");

/** Say something to whoever listens instead of looking. */
export function announce(text: string): void {
  said.value = text;
}

export function Announcer() {
  return (
    <div class="unseen" aria-live="polite" aria-atomic="true">
      {said.value}
    </div>
  );
}
