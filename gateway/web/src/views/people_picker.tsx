import { useEffect, useId, useState } from "preact/hooks";
import { get } from "../api/http.ts";
import { me } from "../api/session.ts";
import type { Page, PublicUser } from "../api/types.ts";
import { t } from "../i18n/index.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Icon } from "../ui/icon.tsx";

/** A choice of people, who are found by the beginning of their username. */
export function PeoplePicker({ chosen, onChange }: { chosen: PublicUser[]; onChange: (people: PublicUser[]) => void }) {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<PublicUser[]>([]);
  const [at, setAt] = useState(0);
  const id = useId();
  useEffect(() => {
    const abort = new AbortController();
    get<Page<PublicUser>>(`/users?limit=8&query=${encodeURIComponent(query)}`, abort.signal)
      .then((page) => {
        setFound(page.items.filter((each) => each.id !== me.value?.id));
        setAt(0);
      })
      .catch(() => undefined);
    return () => abort.abort();
  }, [query]);
  const offered = found.filter((each) => !chosen.some((other) => other.id === each.id));
  const choose = (person: PublicUser | undefined) => {
    if (!person) return;
    onChange([...chosen, person]);
    setQuery("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt((at + step + offered.length) % Math.max(1, offered.length));
    } else if (event.key === "Enter" && query && offered.length) {
      event.preventDefault();
      choose(offered[at]);
    } else if (event.key === "Backspace" && !query) onChange(chosen.slice(0, -1));
  };
  return (
    <div class="field">
      <label for={id}>{t("people")}</label>
      <div class="picker">
        {chosen.map((person) => (
          <span key={person.id} class="chip">
            {person.name}
            <button
              type="button"
              class="quiet"
              aria-label={t("remove_named", { name: person.name })}
              onClick={() => onChange(chosen.filter((each) => each !== person))}
            >
              <Icon name="close" size={14} />
            </button>
          </span>
        ))}
        <input
          id={id}
          role="combobox"
          aria-expanded={offered.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={offered[at] ? `${id}-${at}` : undefined}
          autocomplete="off"
          autofocus
          placeholder={t("find_people")}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
      </div>
      <div id={`${id}-list`} role="listbox" aria-label={t("people")} class="options">
        {offered.map((person, index) => (
          <button
            key={person.id}
            id={`${id}-${index}`}
            type="button"
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            class="option"
            onClick={() => choose(person)}
          >
            <Avatar who={person} size={28} />
            <span>{person.name}</span>
            <span class="option-detail">@{person.username}</span>
          </button>
        ))}
        {query && !offered.length && <p class="empty">{t("nobody_found", { query })}</p>}
      </div>
    </div>
  );
}
