import { LANGUAGES, languageName } from "../i18n/index.ts";

type Attributes = Record<string, unknown>;

/** A choice among languages, by their names in the interface's language. A language that is not in the list is offered too. */
export function LanguageSelect({
  value,
  empty,
  onChange,
  ...attributes
}: { value: string; empty?: string | undefined; onChange?: (language: string) => void } & Attributes) {
  const known = value && !LANGUAGES.includes(value) ? [value, ...LANGUAGES] : LANGUAGES;
  const named = known
    .map((tag) => ({ tag, name: languageName(tag) }))
    .sort((one, other) => one.name.localeCompare(other.name));
  return (
    <select {...attributes} value={value} onChange={(event) => onChange?.(event.currentTarget.value)}>
      {empty !== undefined && <option value="">{empty}</option>}
      {named.map(({ tag, name }) => (
        <option key={tag} value={tag}>
          {name}
        </option>
      ))}
    </select>
  );
}
