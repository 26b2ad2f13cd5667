import { changeMe, me } from "../../api/session.ts";
import { openTimelines } from "../../chat/open.ts";
import { LANGUAGES, languageName, readerLanguage, t } from "../../i18n/index.ts";
import { Icon } from "../../ui/icon.tsx";
import { LanguageSelect } from "../../ui/language_select.tsx";
import { attempt } from "../../ui/toast.tsx";

/** The language in which one reads everything; another one shows at once. */
export function ReadingLanguage() {
  if (!me.value) return null;
  const language = readerLanguage();
  const value = LANGUAGES.includes(language) ? language : (language.split("-")[0] ?? language);
  const change = (chosen: string) =>
    attempt(async () => {
      await changeMe({ language: chosen });
      await Promise.all(openTimelines().map((each) => each.readIn(chosen)));
    });
  return (
    <label class="reading" for="reading-language" title={t("reading_in", { language: languageName(value) })}>
      <Icon name="globe" />
      <span class="unseen">{t("my_language")}</span>
      <LanguageSelect id="reading-language" value={value} onChange={change} />
    </label>
  );
}
