import { useEffect, useState } from "preact/hooks";
import { get, path, post, remove } from "../api/http.ts";
import type { ApiKey, Page } from "../api/types.ts";
import { t } from "../i18n/index.ts";
import { moment } from "../text/time.ts";
import { Field, FormFailure, useSubmit } from "../ui/form.tsx";
import { Icon } from "../ui/icon.tsx";
import { attempt, toast } from "../ui/toast.tsx";

export function ApiKeys() {
  const [keys, setKeys] = useState<ApiKey[]>([]);
  const [made, setMade] = useState<string | null>(null);
  const load = () =>
    get<Page<ApiKey>>("/me/api-keys").then(
      (page) => setKeys(page.items),
      () => undefined,
    );
  useEffect(() => {
    void load();
  }, []);
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    const key = await post<ApiKey>("/me/api-keys", { name: String(data.get("name")).trim() });
    setMade(key.key ?? null);
    await load();
  });
  const revoke = (key: ApiKey) =>
    attempt(async () => {
      await remove(path`/me/api-keys/${key.id}`);
      await load();
    });
  const copy = () => attempt(async () => navigator.clipboard.writeText(made ?? "").then(() => toast(t("copied"))));
  return (
    <section class="panel">
      <h2>{t("api_keys")}</h2>
      <p class="field-hint">{t("api_keys_hint")}</p>
      {made && (
        <div class="secret" role="status">
          <p>{t("api_key_made")}</p>
          <input readOnly value={made} aria-label={t("api_keys")} onFocus={(event) => event.currentTarget.select()} />
          <button type="button" class="button" onClick={copy}>
            <Icon name="copy" /> {t("copy")}
          </button>
        </div>
      )}
      <ul class="list">
        {keys.map((key) => (
          <li key={key.id}>
            <span>
              <strong>{key.name}</strong>
              <br />
              <span class="field-hint">
                {t("made_on", { when: moment(key.created_at) })}
                {" · "}
                {key.last_used_at ? t("last_used", { when: moment(key.last_used_at) }) : t("never_used")}
              </span>
            </span>
            <button
              type="button"
              class="button small"
              aria-label={`${t("revoke")} ${key.name}`}
              onClick={() => revoke(key)}
            >
              {t("revoke")}
            </button>
          </li>
        ))}
      </ul>
      <form class="form form-line" onSubmit={onSubmit}>
        <FormFailure failure={failure} />
        <Field label={t("api_key_name")} error={failure?.fields.name}>
          {(tied) => <input {...tied} name="name" maxLength={64} required />}
        </Field>
        <button type="submit" class="button" disabled={busy}>
          {t("make_api_key")}
        </button>
      </form>
    </section>
  );
}
